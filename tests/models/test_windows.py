"""Windows, pieces and batches, and the tokenizer's frame against the tokenizer's own pair encoding."""

from itertools import pairwise

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizer

from spacy_cqa.models.batches import PAD_TO, SMALLEST, Piece, batch_by_length, make_batch, padded
from spacy_cqa.models.tokenization import ReaderTokenizer
from spacy_cqa.models.windows import WindowSettings, cut_windows, encode_note, encode_question

from ..encoders import FAMILIES

RANDOM = settings(max_examples=150, deadline=None, derandomize=True, database=None)
SETTINGS = WindowSettings(window=40, overlap=8, max_question_tokens=24)
NOTE = "ASSESSMENT: Start azithromycin 500 mg.\r\n\n  café 🩺 Denies fever; cough & chills.\u2028Plan: CT of the chest."
QUESTION = "Which antibiotic was started?"


@pytest.fixture(scope="module")
def tokenizers(encoders):
    """Gives the reader's tokenizer of a family, and the Hugging Face one it wraps, loaded apart."""

    def get(family):
        return ReaderTokenizer.from_disk(encoders(family)), AutoTokenizer.from_pretrained(encoders(family))

    return get


# Cutting --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "width", "overlap", "expected"),
    [
        (0, 10, 3, []),
        (1, 10, 3, [(0, 1)]),
        (10, 10, 3, [(0, 10)]),
        (11, 10, 3, [(0, 10), (1, 11)]),
        (17, 10, 3, [(0, 10), (7, 17)]),
        (18, 10, 3, [(0, 10), (7, 17), (8, 18)]),
        (20, 10, 0, [(0, 10), (10, 20)]),
        (3, 2, 1, [(0, 2), (1, 3)]),
        (2, 10, 5, [(0, 2)]),
    ],
)
def test_windows_by_hand(length, width, overlap, expected):
    assert cut_windows(length, width, overlap) == expected


@RANDOM
@given(st.integers(0, 300), st.integers(1, 50), st.integers(0, 49))
def test_windows_cover_a_note_overlap_as_set_and_are_all_of_full_width(length, width, overlap):
    overlap = min(overlap, width - 1)
    windows = cut_windows(length, width, overlap)
    assert sorted({n for start, end in windows for n in range(start, end)}) == list(range(length))
    assert all(end - start == min(width, length) for start, end in windows)
    shared = [before[1] - after[0] for before, after in pairwise(windows)]
    assert all(found == overlap for found in shared[:-1])
    assert all(overlap <= found < width for found in shared[-1:])  # the last reaches back; it shows something new


@pytest.mark.parametrize(("overlap", "fits"), [(32, True), (32 + 1, False), (100, False)])
def test_a_window_must_be_wider_than_its_overlap(overlap, fits):
    chosen = WindowSettings(window=60, overlap=overlap, max_question_tokens=24)
    if fits:
        assert chosen.width(special=3) == 33
    else:
        with pytest.raises(ValueError, match=rf"CQA-E014\].*60 subwords leaves 33 .*overlap is {overlap}"):
            chosen.width(special=3)


# Encoding -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_note_is_encoded_whole_once_and_every_token_finds_its_subwords(family, tokenizers):
    reader, hugging_face = tokenizers(family)
    doc = spacy.blank("en")(NOTE)
    note = encode_note(doc, reader, SETTINGS)
    hugging_face.backend_tokenizer.no_truncation()
    hugging_face.backend_tokenizer.no_padding()
    encoding = hugging_face(NOTE, add_special_tokens=False, return_offsets_mapping=True)
    assert note.subwords.ids.tolist() == encoding["input_ids"]
    assert list(zip(note.subwords.starts, note.subwords.ends, strict=True)) == encoding["offset_mapping"]
    assert len(note.windows) > 1
    assert note.windows[-1][1] == len(note.subwords)
    assert (numpy.array([t.is_space for t in doc]) == (note.token_first < 0)).all()
    for token in doc:
        if not token.is_space:
            first, last = note.token_first[token.i], note.token_last[token.i]
            covered = NOTE[note.subwords.starts[first] : note.subwords.ends[last]]
            assert covered.strip() == token.text


def test_tokens_in_a_window_lie_whole_in_it(tokenizers):
    reader, _ = tokenizers("bert")
    doc = spacy.blank("en")(NOTE)
    note = encode_note(doc, reader, SETTINGS)
    for start, end in [*note.windows, (3, 5), (0, 0)]:
        found = set(note.tokens_in((start, end)).tolist())
        held = {n for n in range(len(doc)) if start <= note.token_first[n] and 0 <= note.token_last[n] < end}
        assert found == held
        assert not any(doc[n].is_space for n in found)
    assert len(note.tokens_in((0, len(note.subwords)))) == sum(not token.is_space for token in doc)


@pytest.mark.parametrize("text", ["", " \n\t", "   "])
def test_a_blank_note_has_no_token_to_answer_with(text, tokenizers):
    for family in ("bert", "roberta"):
        note = encode_note(spacy.blank("en")(text), tokenizers(family)[0], SETTINGS)
        assert (note.token_first == -1).all()
        assert len(note.windows) == (1 if len(note.subwords) else 0)


def test_a_question_over_the_limit_is_refused_not_cut(tokenizers):
    reader, _ = tokenizers("bert")
    ids = encode_question("a", QUESTION, reader, 48)
    assert encode_question("a", QUESTION, reader, len(ids)).tolist() == ids.tolist()
    with pytest.raises(ValueError, match=rf"CQA-E009\] Question 'a' is {len(ids)} .* at most {len(ids) - 1}\."):
        encode_question("a", QUESTION, reader, len(ids) - 1)


def test_a_tokenizer_that_cuts_and_pads_is_made_whole(tokenizers):
    reader, hugging_face = tokenizers("bert")
    backend = hugging_face.backend_tokenizer
    assert (backend.truncation["max_length"], backend.padding["length"]) == (16, 16)
    assert len(backend.encode(NOTE).ids) == len(backend.encode("cough").ids) == 16
    assert reader.encode(NOTE).ends[-1] == len(NOTE)
    assert len(reader.encode("cough")) < 16


def test_a_slow_tokenizer_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    with pytest.raises(ValueError, match=r"CQA-E027\] The tokenizer of here"):
        ReaderTokenizer(BertTokenizer(str(tmp_path / "vocab.txt")), source="here")


def test_a_tokenizer_survives_disk_and_bytes(tokenizers, tmp_path):
    reader, _ = tokenizers("roberta")
    reader.to_disk(tmp_path / "tokenizer")
    for copy in (ReaderTokenizer.from_disk(tmp_path / "tokenizer"), ReaderTokenizer.from_files(reader.to_files())):
        assert copy.frame == reader.frame
        assert copy.pad_id == reader.pad_id
        assert copy.encode(NOTE).ids.tolist() == reader.encode(NOTE).ids.tolist()


# Batches --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_piece_is_the_tokenizers_own_pair_encoding(family, tokenizers):
    reader, hugging_face = tokenizers(family)
    hugging_face.backend_tokenizer.no_truncation()
    hugging_face.backend_tokenizer.no_padding()
    notes = ["Start azithromycin 500 mg daily.", "cough", "Denies fever, cough and chills. CT of the chest."]
    pieces = []
    for text in notes:
        note = encode_note(spacy.blank("en")(text), reader, SETTINGS)
        pieces.append(Piece(reader.encode(QUESTION).ids, note, note.windows[0]))
    batch = make_batch(pieces, reader, longest=160)
    assert batch.input_ids.shape == batch.mask.shape == batch.type_ids.shape == batch.note_mask.shape
    assert len(batch) == 3
    for row, (text, piece) in enumerate(zip(notes, pieces, strict=True)):
        pair = hugging_face(QUESTION, text, return_token_type_ids=True)
        length = len(pair["input_ids"])
        assert batch.input_ids[row, :length].tolist() == pair["input_ids"]
        assert batch.type_ids[row, :length].tolist() == pair["token_type_ids"]
        assert batch.mask[row].tolist() == [True] * length + [False] * (batch.mask.shape[1] - length)
        assert set(batch.input_ids[row, length:].tolist()) <= {hugging_face.pad_token_id}
        places = [n for n, part in enumerate(pair.sequence_ids()) if part == 1]
        assert numpy.flatnonzero(batch.note_mask[row]).tolist() == places
        assert batch.note_offsets[row] == places[0]
        assert piece.length(reader.frame) == length


def test_a_window_in_the_middle_shows_its_own_subwords(tokenizers):
    reader, _ = tokenizers("bert")
    note = encode_note(spacy.blank("en")(NOTE), reader, SETTINGS)
    batch = make_batch([Piece(reader.encode(QUESTION).ids, note, (5, 9))], reader, longest=160)
    assert batch.input_ids[0][batch.note_mask[0]].tolist() == note.subwords.ids[5:9].tolist()


@pytest.mark.parametrize(("longest", "expected"), [(160, 48), (45, 45), (20, 40)])
def test_padding_never_goes_beyond_what_the_encoder_reads(longest, expected, tokenizers):
    reader, _ = tokenizers("bert")
    note = encode_note(spacy.blank("en")(NOTE * 2), reader, SETTINGS)
    piece = Piece(reader.encode("cough").ids[:1], note, (0, 40 - reader.frame.special - 1))
    assert make_batch([piece], reader, longest=longest).input_ids.shape == (1, expected)


@pytest.mark.parametrize(("length", "expected"), [(0, 0), (1, PAD_TO), (PAD_TO, PAD_TO), (PAD_TO + 1, 2 * PAD_TO)])
def test_lengths_are_rounded_up(length, expected):
    assert padded(length) == expected


@RANDOM
@given(st.lists(st.integers(1, 200), max_size=40), st.integers(1, 1500))
def test_batches_hold_every_piece_once_longest_first_within_the_budget(lengths, max_tokens):
    batches = list(batch_by_length(lengths, max_tokens))
    assert sorted(n for batch in batches for n in batch) == list(range(len(lengths)))
    in_order = [lengths[n] for batch in batches for n in batch]
    assert in_order == sorted(lengths, reverse=True)
    for number, batch in enumerate(batches):
        widest = padded(max(lengths[n] for n in batch))
        assert len(batch) == 1 or widest * len(batch) <= max_tokens
        if number + 1 < len(batches):  # no batch is cut short: the next piece would not have fitted, or is shorter
            following = padded(lengths[batches[number + 1][0]])
            assert widest * (len(batch) + 1) > max_tokens or (following < widest and widest * len(batch) >= SMALLEST)


def test_shorter_pieces_are_not_padded_to_the_longest_ones():
    lengths = [32] * 20 + [160] * 8 + [16]
    assert list(batch_by_length(lengths, 5120)) == [list(range(20, 28)), list(range(20)), [28]]


def test_a_few_shorter_pieces_do_not_make_a_batch_of_their_own():
    assert list(batch_by_length([160, 32, 32], 5120)) == [[0, 1, 2]]
