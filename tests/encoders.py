"""Tiny random encoders of every family, built from config: folders of the form that a download has."""

from pathlib import Path
from typing import Dict, Iterable

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

WIDTH, DEPTH, HEADS = 32, 3, 4
LAYERED = ("bert", "roberta", "electra", "distilbert", "modernbert")
WHOLE = "mpnet"  # a type that the reader knows nothing about: it runs only as one piece
FAMILIES = (*LAYERED, WHOLE)

_TEXTS = [
    "ASSESSMENT: 1. Community acquired pneumonia. Start azithromycin 500 mg daily. LABS: WBC 14.2, creatinine 0.9.",
    "She takes lisinopril 20 mg for hypertension and metformin 1000 mg twice daily. Denies fever, cough and chills.",
    "What medications is the patient taking? Why is she on lisinopril? Which antibiotic was started? last creatinine",
    "Chest x-ray showed a right lower lobe infiltrate. Plan: CT of the chest. Follow up in two weeks. 🩺 1234567890",
]


def make_encoder(family: str, folder: Path, *, vocab_texts: Iterable[str] = (), **overrides: object) -> Path:
    """Write a random encoder of a family into a folder.

    family (str): One of `FAMILIES`.
    folder (Path): The folder.
    vocab_texts (Iterable[str]): Further texts for the vocabulary.
    **overrides: Settings of the config.
    RETURNS (Path): The folder.
    """
    tokenizer = _make_tokenizer(family, [*_TEXTS, *vocab_texts])
    config = _make_config(family, tokenizer, overrides)
    torch.manual_seed(0)
    encoder = AutoModel.from_config(config)
    encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _make_config(family: str, tokenizer: PreTrainedTokenizerFast, overrides: Dict) -> PretrainedConfig:
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "intermediate_size": 2 * WIDTH,
        "max_position_embeddings": 160,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if family == "bert":
        return BertConfig(**{**sizes, **overrides})
    if family == "roberta":
        return RobertaConfig(**{**sizes, "type_vocab_size": 1, **overrides})
    if family == "electra":
        return ElectraConfig(**{**sizes, "embedding_size": WIDTH // 2, **overrides})
    if family == "modernbert":
        return ModernBertConfig(
            **{
                **sizes,
                "global_attn_every_n_layers": 2,
                "local_attention": 16,
                "reference_compile": False,
                "cls_token_id": tokenizer.cls_token_id,
                "sep_token_id": tokenizer.sep_token_id,
                **overrides,
            }
        )
    if family == WHOLE:
        return MPNetConfig(**{**sizes, **overrides})
    return DistilBertConfig(
        vocab_size=sizes["vocab_size"],
        dim=WIDTH,
        n_layers=DEPTH,
        n_heads=HEADS,
        hidden_dim=2 * WIDTH,
        max_position_embeddings=160,
        pad_token_id=tokenizer.pad_token_id,
    )


def _make_tokenizer(family: str, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    if family in ("roberta", "modernbert"):
        return _byte_level(texts, doubled=family == "roberta")
    return _wordpiece(texts)


def _wordpiece(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=600, special_tokens=special))
    backend.decoder = decoders.WordPiece()
    cls, sep = ("[CLS]", backend.token_to_id("[CLS]")), ("[SEP]", backend.token_to_id("[SEP]"))
    backend.post_processor = processors.BertProcessing(sep, cls)
    # Some published tokenizers cut and pad every text; ours must not follow them.
    backend.enable_truncation(16)
    backend.enable_padding(length=16)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _byte_level(texts: Iterable[str], *, doubled: bool) -> PreTrainedTokenizerFast:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=alphabet)
    backend.train_from_iterator(texts, trainer)
    backend.decoder = decoders.ByteLevel()
    cls, sep = ("<s>", backend.token_to_id("<s>")), ("</s>", backend.token_to_id("</s>"))
    if doubled:
        backend.post_processor = processors.RobertaProcessing(sep, cls, trim_offsets=True, add_prefix_space=False)
    else:
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[cls, sep]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
    )
