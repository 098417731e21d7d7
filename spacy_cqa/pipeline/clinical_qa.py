"""The component `clinical_qa`: reads a doc's questions, writes answer spans with categories into `doc.spans`.

spaCy imports this module whenever anybody makes a `Language` object, so it imports neither torch nor transformers
itself; the modules that do are imported where they are first needed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

import srsly
from spacy import util
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer

from ..errors import Errors
from ..schemas import (
    Answer,
    NoteAnswers,
    Question,
    get_questions,
    given_spans,
    merge_questions,
    parse_questions,
    read_answers,
    set_extensions,
    write_answers,
)
from ..types import CATEGORIES, SPANS_KEY, QuestionsInput

if TYPE_CHECKING:
    from ..models.windows import WindowSettings
    from .reading import ReadingSettings
    from .targets import TrainingPiece

PRECISIONS = ("float32", "bfloat16", "auto")

_DEFAULT_MODEL_CONFIG = """
[model]
@architectures = "spacy-cqa.MultiTaskReader.v1"
task_layers = 1
separate_layers = 0
span_hidden = [512,256]
category_hidden = [512,256]
span_weight = 1.0
category_weight = 0.5
negative_rate = 1.0
crop = 1.0
soft_labels = true
"""
DEFAULT_MODEL = Config().from_str(_DEFAULT_MODEL_CONFIG)["model"]


@Language.factory(
    "clinical_qa",
    assigns=["doc.spans", "doc._.answers"],
    default_config={
        "model": DEFAULT_MODEL,
        "questions": {},
        "spans_key": SPANS_KEY,
        "max_answers": 5,
        "max_answer_tokens": 30,
        "null_threshold": 0.5,
        "further_share": 0.5,
        "thresholds": {},
        "window": 384,
        "overlap": 96,
        "max_question_tokens": 48,
        "max_batch_tokens": 8192,
        "precision": "auto",
        "scorer": {"@scorers": "spacy-cqa.clinical_qa_scorer.v1"},
    },
    default_score_weights={
        "cqa_f1": 0.7,
        "cqa_cat_acc_gold": 0.3,
        "cqa_em": 0.0,
        "cqa_hasans_em": None,
        "cqa_hasans_f1": 0.0,
        "cqa_noans_acc": 0.0,
        "cqa_list_f1": 0.0,
        "cqa_cat_acc_hit": None,
        "cqa_cat_hit_coverage": None,
        "cqa_cat_macro_f1": None,
        "cqa_per_category": None,
    },
)
def make_clinical_qa(
    nlp: Language,
    name: str,
    model: Model,
    questions: QuestionsInput,
    spans_key: str,
    max_answers: int,
    max_answer_tokens: int,
    null_threshold: float,
    further_share: float,
    thresholds: Dict[str, float],
    window: int,
    overlap: int,
    max_question_tokens: int,
    max_batch_tokens: int,
    precision: str,
    scorer: Optional[Callable],
) -> "ClinicalQA":
    """Make the component. All settings but the model live in the config alone, so `spacy.load(config=...)` sets them.

    model (Model): The reader, "spacy-cqa.MultiTaskReader.v1".
    questions (QuestionsInput): Standing questions, asked of every doc beside its own.
    spans_key (str): Where in `doc.spans` the answers go.
    max_answers (int): Most answers to one question.
    max_answer_tokens (int): Most spaCy tokens of an answer.
    null_threshold (float): Nothing is answered where "no answer" is more probable than this.
    further_share (float): A second or later answer needs this share of the best one's score.
    thresholds (Dict[str, float]): Least score of an answer by category; 0 for a category not named.
    window (int): Subwords that the encoder sees at once: question, a window of the note, special tokens.
    overlap (int): Subwords that neighbouring windows share.
    max_question_tokens (int): Subwords kept for the question; a longer question is an error.
    max_batch_tokens (int): Most padded subwords in one batch of windows.
    precision (str): "float32", "bfloat16", or "auto": bfloat16 where the device multiplies it in hardware.
    scorer (Optional[Callable]): The scoring function.
    RETURNS (ClinicalQA): The component.
    """
    set_extensions()
    return ClinicalQA(
        nlp.vocab,
        model,
        name,
        settings={
            "questions": questions,
            "spans_key": spans_key,
            "max_answers": max_answers,
            "max_answer_tokens": max_answer_tokens,
            "null_threshold": null_threshold,
            "further_share": further_share,
            "thresholds": thresholds,
            "window": window,
            "overlap": overlap,
            "max_question_tokens": max_question_tokens,
            "max_batch_tokens": max_batch_tokens,
            "precision": precision,
        },
        scorer=scorer,
    )


class ClinicalQA(TrainablePipe):
    """Extractive question answering over notes, with a category for each answer.

    It keeps no state of a pipeline and works with the doc's vocab, since spaCy gives the very same object to every
    pipeline that sources it.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "clinical_qa",
        *,
        settings: Mapping[str, Any],
        scorer: Optional[Callable] = None,
    ):
        """Initialize the component.

        vocab (Vocab): The shared vocabulary.
        model (Model): The reader.
        name (str): Name of the component in the pipeline.
        settings (Mapping[str, Any]): The settings of `make_clinical_qa`, all of them.
        scorer (Optional[Callable]): The scoring function.
        RAISES (ValueError): E001 to E007 or E013, if a setting is not usable.
        """
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {}  # what was fitted; settings are not kept here, or a saved cfg would win over them
        self.settings = dict(settings)
        _check_settings(self.settings)
        self._questions = _parse_standing_questions(self.settings["questions"])

    # What it is

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The five categories."""
        return CATEGORIES

    @property
    def label_data(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The five categories."""
        return CATEGORIES

    @property
    def spans_key(self) -> str:
        """RETURNS (str): Where in `doc.spans` the answers go."""
        return self.settings["spans_key"]

    @property
    def questions(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Union[str, dict]]): The standing questions, id -> text or settings. May be set anew."""
        return {qid: question.to_spec() for qid, question in self._questions.items()}

    @questions.setter
    def questions(self, value: Optional[QuestionsInput]) -> None:
        self._questions = _parse_standing_questions(value)

    def add_label(self, label: str) -> int:
        """The categories are fixed.

        label (str): The label.
        RETURNS (int): 0, for one of the five.
        RAISES (ValueError): E012, for any other.
        """
        if label in CATEGORIES:
            return 0
        raise ValueError(Errors.E012.format(label=label, labels=list(CATEGORIES)))

    # Prediction

    def ask(self, doc_or_text: Union[Doc, str], questions: QuestionsInput) -> List[Answer]:
        """Ask questions of one note with this component only. A doc is not changed, its own questions are not asked.

        doc_or_text (Union[Doc, str]): The note. A text is split by the language's tokenizer; pass a doc for another.
        questions (QuestionsInput): One text, a list of texts (ids q1, q2, ...), or a dict of id -> text or settings.
        RETURNS (List[Answer]): The answers, question by question, best first.
        RAISES (ValueError): A question is not usable, or the component has no model.
        """
        asked = parse_questions(questions, where="in ask()")
        if isinstance(doc_or_text, str):
            doc = util.get_lang_class(self.vocab.lang or "en")(vocab=self.vocab).make_doc(doc_or_text)
        else:
            doc = doc_or_text.copy()
        (found,) = self._read([doc], [asked])
        write_answers(doc, found, spans_key=self.spans_key)
        return read_answers(doc, spans_key=self.spans_key)

    def predict(self, docs: Iterable[Doc]) -> List[NoteAnswers]:
        """Answer the standing questions and each doc's own, without changing the docs.

        docs (Iterable[Doc]): The docs.
        RETURNS (List[NoteAnswers]): What was found, by doc.
        RAISES (ValueError): E005, E009: a question is not usable; E010: the component has no model.
        """
        docs = list(docs)
        return self._read(docs, [self._questions_of(doc) for doc in docs])

    def set_annotations(self, docs: Iterable[Doc], scores: Iterable[NoteAnswers]) -> None:
        """Write what was predicted.

        docs (Iterable[Doc]): The docs.
        scores (Iterable[NoteAnswers]): What `predict` gave for them.
        """
        for doc, found in zip(docs, scores):
            write_answers(doc, found, spans_key=self.spans_key)

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Apply the component to a stream. When a batch fails, its docs are tried one by one, so that the error handler
        sees the failing doc alone; spaCy's own gives up the whole batch.

        stream (Iterable[Doc]): The docs.
        batch_size (int): The number of docs to buffer.
        YIELDS (Doc): The docs, in order, without those that failed.
        """
        for docs in util.minibatch(stream, size=batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception:  # noqa: BLE001 - which doc it was shows in the second try
                yield from self._pipe_singly(docs)
            else:
                yield from docs

    def _pipe_singly(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        error_handler = self.get_error_handler()
        for doc in docs:
            try:
                self.set_annotations([doc], self.predict([doc]))
            except Exception as error:  # noqa: BLE001 - the handler decides
                error_handler(self.name, self, [doc], error)
            else:
                yield doc

    def _questions_of(self, doc: Doc) -> Dict[str, Question]:
        own = parse_questions(get_questions(doc), where="in doc._.questions")
        return merge_questions(self._questions, own)

    def _read(self, docs: List[Doc], questions: List[Dict[str, Question]]) -> List[NoteAnswers]:
        from .reading import Note, read_notes

        self._require_model()
        notes: List[Note] = [Note(doc, asked, given_spans(doc)) for doc, asked in zip(docs, questions)]
        return read_notes(self.model, notes, self._reading_settings())

    def _require_model(self) -> None:
        from ..models.architectures import is_initialized

        if not is_initialized(self.model):
            raise ValueError(Errors.E010.format(name=self.name))

    def _window_settings(self) -> "WindowSettings":
        from ..models.windows import WindowSettings

        return WindowSettings(**{name: self.settings[name] for name in ("window", "overlap", "max_question_tokens")})

    def _reading_settings(self) -> "ReadingSettings":
        from .reading import ReadingSettings

        names = (
            "max_answers",
            "max_answer_tokens",
            "null_threshold",
            "further_share",
            "thresholds",
            "max_batch_tokens",
        )
        return ReadingSettings(
            windows=self._window_settings(),
            bfloat16=self._bfloat16(),
            **{name: self.settings[name] for name in names},
        )

    def _bfloat16(self) -> bool:
        from ..models.architectures import has_bfloat16

        precision = self.settings["precision"]
        return has_bfloat16(self.model) if precision == "auto" else precision == "bfloat16"

    # Training

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        encoder: Optional[Callable[[], Any]] = None,
    ) -> None:
        """Give the component a pretrained encoder and new heads. Examples are not needed.

        get_examples (Callable[[], Iterable[Example]]): Gives examples; they may be none.
        nlp (Optional[Language]): The pipeline.
        encoder (Optional[Callable[[], EncoderParts]]): Loads the encoder, as "spacy-cqa.EncoderLoader.v1" does. A
            component that has a model already keeps it where none is given.
        RAISES (ValueError): E011, without encoder and model; E014, E015, E026: settings that do not suit the encoder.
        """
        from ..models.architectures import get_shim, is_initialized

        if not callable(get_examples):
            validate_get_examples(get_examples, "ClinicalQA.initialize")
        if encoder is not None:
            get_shim(self.model).attach(encoder())
        elif not is_initialized(self.model):
            raise ValueError(Errors.E011.format(name=self.name))
        self._check_window()

    def _check_window(self) -> None:
        """Check the windows against the encoder, as soon as both are known."""
        from ..models.architectures import get_reader, get_tokenizer

        self._window_settings().width(get_tokenizer(self.model).frame.special)
        longest = get_reader(self.model).family.longest
        if self.settings["window"] > longest:
            raise ValueError(Errors.E015.format(window=self.settings["window"], limit=longest))

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from notes with their questions and gold answers.

        examples (Iterable[Example]): The examples.
        drop (float): The dropout rate, set on every dropout layer.
        sgd (Optional[Optimizer]): The optimizer; without one, gradients add up until `finish_update`.
        losses (Optional[Dict[str, float]]): Filled with the mean loss of a question under the component's name.
        RETURNS (Dict[str, float]): The losses.
        """
        from ..models.architectures import get_reader, get_shim, get_tokenizer, training_mode
        from .targets import make_training_pieces

        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "ClinicalQA.update")
        self._require_model()
        pieces, n_questions = make_training_pieces(
            examples,
            get_tokenizer(self.model),
            self._window_settings(),
            spans_key=self.spans_key,
            negative_rate=self.model.attrs["negative_rate"],
            crop=self.model.attrs["crop"],
            soft_labels=self.model.attrs["soft_labels"],
            separate=get_reader(self.model).separate_layers > 0,
        )
        with training_mode(self.model, drop):
            losses[self.name] += self._learn(examples, pieces) / max(n_questions, 1)
        get_shim(self.model).n_questions += n_questions
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def _learn(self, examples: List[Example], pieces: "List[TrainingPiece]") -> float:
        """Add up gradients over all pieces of an update. RETURNS (float): The loss summed over its questions."""
        from ..models.architectures import get_reader, get_tokenizer
        from ..models.separate import begin_texts
        from .targets import make_training_batches

        reader, max_batch_tokens, bfloat16 = get_reader(self.model), self.settings["max_batch_tokens"], self._bfloat16()
        texts, finish_texts = None, None
        if reader.separate_layers and pieces:
            texts, finish_texts = begin_texts(
                self.model,
                [piece.piece for piece in pieces],
                max_question_tokens=self.settings["max_question_tokens"],
                max_batch_tokens=max_batch_tokens,
                bfloat16=bfloat16,
            )
        total = 0.0
        for batch, targets in make_training_batches(
            pieces,
            get_tokenizer(self.model),
            max_batch_tokens=max_batch_tokens,
            longest=reader.family.longest,
            bfloat16=bfloat16,
            texts=texts,
        ):
            scores, backprop = self.model.begin_update(batch)
            loss, gradients = self.get_loss(examples, (scores, targets))
            backprop(gradients)
            total += loss
        if finish_texts is not None:
            finish_texts()
        return total

    def get_loss(self, examples: Iterable[Example], scores: Any) -> Tuple[float, Any]:
        """The joint loss of a batch of windows and its gradient.

        examples (Iterable[Example]): The examples; what is expected of each window goes along with its scores, since
            windows without an answer are drawn at random.
        scores (Tuple[TrainingScores, Targets]): Logits of a batch, and what they should give.
        RETURNS (Tuple[float, TrainingScores]): Loss summed over questions, and the gradient on the logits.
        """
        from .targets import joint_loss

        attrs = self.model.attrs
        return joint_loss(*scores, span_weight=attrs["span_weight"], category_weight=attrs["category_weight"])

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score a batch of examples.

        examples (Iterable[Example]): The examples, with predictions.
        RETURNS (Dict[str, Any]): See `clinical_qa_score`; {} without a scorer.
        """
        if self.scorer is None:
            return {}
        return self.scorer(examples, spans_key=self.spans_key, **kwargs)

    # Serialisation

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): The component; `exclude` names some of "cfg", "vocab", "model"."""
        from ..models.architectures import get_shim

        serialize: Dict[str, Callable[[], bytes]] = {
            "cfg": lambda: srsly.json_dumps(self.cfg).encode("utf8"),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
            "model": lambda: get_shim(self.model).to_bytes(),
        }
        return util.to_bytes(serialize, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "ClinicalQA":
        """Load what `to_bytes` gave.

        bytes_data (bytes): The bytes.
        exclude (Iterable[str]): As in `to_bytes`.
        RETURNS (ClinicalQA): The component itself.
        RAISES (ValueError): E021, E022: another format, or weights that do not fit the settings.
        """
        from ..models.architectures import get_shim

        deserialize: Dict[str, Callable[[bytes], Any]] = {
            "cfg": lambda data: self.cfg.update(srsly.json_loads(data)),
            "vocab": lambda data: self.vocab.from_bytes(data, exclude=exclude),
            "model": lambda data: get_shim(self.model).from_bytes(data),
        }
        util.from_bytes(bytes_data, deserialize, exclude)
        return self

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Write the component: cfg, format.json, encoder/config.json, tokenizer/, model.safetensors.

        path (Union[str, Path]): The folder; made if missing.
        exclude (Iterable[str]): Names among "cfg", "vocab", "model".
        """
        from ..models.architectures import get_shim

        folder = util.ensure_path(path)
        folder.mkdir(parents=True, exist_ok=True)
        if "model" not in exclude:
            get_shim(self.model).save_folder(folder)
        serialize: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda file: srsly.write_json(file, self.cfg),
            "vocab": lambda file: self.vocab.to_disk(file, exclude=exclude),
        }
        util.to_disk(folder, serialize, exclude)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "ClinicalQA":
        """Load what `to_disk` wrote; touches nothing but the folder.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): As in `to_disk`.
        RETURNS (ClinicalQA): The component itself.
        RAISES (ValueError): E020 to E022: missing, corrupt, of another format, or not fitting the settings.
        """
        from ..models.architectures import get_shim

        folder = util.ensure_path(path)
        if "model" not in exclude:
            get_shim(self.model).load_folder(folder)
        deserialize: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda file: self.cfg.update(srsly.read_json(file)),
            "vocab": lambda file: self.vocab.from_disk(file, exclude=exclude),
        }
        util.from_disk(folder, deserialize, exclude)
        return self

    def __reduce__(self) -> Tuple[Callable, Tuple]:
        """Pickle through bytes: spawned workers and caches pickle pipelines, and thinc's models do not pickle."""
        shim = self.model.shims[0]
        parts = (self.vocab, self.name, {**shim.cfg, **self.model.attrs}, self.settings, self.questions, self.scorer)
        return _unpickle, (*parts, getattr(self, "error_handler", None), self.to_bytes(exclude=["vocab"]))


def _unpickle(vocab, name, model_settings, settings, questions, scorer, error_handler, data) -> ClinicalQA:
    from ..models.architectures import build_multitask_reader_v1

    set_extensions()
    shape = {key: value for key, value in model_settings.items() if key != "n_categories"}
    component = ClinicalQA(vocab, build_multitask_reader_v1(**shape), name, settings=settings, scorer=scorer)
    component.questions = questions
    if error_handler is not None:
        component.set_error_handler(error_handler)
    return component.from_bytes(data, exclude=["vocab"])


# Checks ---------------------------------------------------------------------------------------------------------------


def _parse_standing_questions(value: Optional[QuestionsInput]) -> Dict[str, Question]:
    questions = parse_questions(value, where="in the setting 'questions'")
    for question in questions.values():
        if "${" in question.text:
            raise ValueError(Errors.E004.format(id=question.id, where="in the setting 'questions'"))
        if "." in question.id and not isinstance(question.to_spec(), str):
            raise ValueError(Errors.E016.format(id=question.id))
    return questions


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _are_thresholds(value: Any) -> bool:
    return isinstance(value, Mapping) and all(key in CATEGORIES and _is_share(item) for key, item in value.items())


_CHECKS: Dict[str, Tuple[Callable[[Any], bool], str]] = {
    "spans_key": (lambda value: isinstance(value, str) and bool(value), "a text"),
    "max_answers": (_is_count, "a whole number of at least 1"),
    "max_answer_tokens": (_is_count, "a whole number of at least 1"),
    "null_threshold": (_is_share, "a number from 0 to 1"),
    "further_share": (_is_share, "a number from 0 to 1"),
    "thresholds": (_are_thresholds, f"a dict of category -> number from 0 to 1, categories {list(CATEGORIES)}"),
    "window": (_is_count, "a whole number of at least 1"),
    "overlap": (lambda value: value == 0 or _is_count(value), "a whole number of at least 0"),
    "max_question_tokens": (_is_count, "a whole number of at least 1"),
    "max_batch_tokens": (_is_count, "a whole number of at least 1"),
    "precision": (lambda value: value in PRECISIONS, f"one of {list(PRECISIONS)}"),
}


def _check_settings(settings: Mapping[str, Any]) -> None:
    for name, (check, expected) in _CHECKS.items():
        if not check(settings[name]):
            raise ValueError(Errors.E013.format(name=name, value=settings[name], expected=expected))
