"""Every message a user may meet, with a code to search for: what came, what was expected, what to do."""


class _WithCode(type):
    """Prefixes a message with its code when it is read, so that no message can be raised without one."""

    def __getattribute__(cls, name: str) -> str:
        message = super().__getattribute__(name)
        if name.startswith("_") or not isinstance(message, str):
            return message
        return f"[CQA-{name}] {message}"


class Errors(metaclass=_WithCode):
    # Questions and answers
    E001 = "Questions {where} must be a text, a list of texts, or a dict of id -> text or id -> settings, but are {value!r}."
    E002 = (
        "Question id {id!r} {where} is not usable. Ids start with a letter or digit and go on with letters, digits, "
        "'_', '.' or '-', because other characters break config files. Rename it."
    )
    E003 = "Question {id!r} {where} has no text. Give it a text, or leave the question out."
    E004 = (
        "Question {id!r} {where} contains '${{', which a config file reads as a variable. "
        "Ask it through doc._.questions or ask(), or write it without '${{'."
    )
    E005 = (
        "Question {id!r} is asked twice with different settings: {first!r} and {second!r}. Give one of them another id."
    )
    E006 = "Question {id!r} {where} has unknown settings {unknown}. Known: text, categories, threshold, max_answers."
    E007 = "Question {id!r} {where}: {setting} is {value!r}, but must be {expected}."
    E008 = (
        "The extension Doc._.{name} already belongs to another package, so the questions or answers of spacy-cqa "
        "cannot be kept there. Remove it with Doc.remove_extension({name!r}) before adding the component."
    )
    E009 = (
        "Question {id!r} is {length} subwords long, but the reader takes at most {limit}. "
        "Shorten it, or raise the setting max_question_tokens of the component and train again."
    )
    E016 = (
        "The standing question {id!r} has settings of its own, which become a config section of its name, and a dot in "
        "it would break the config. Name it without a dot, or give only a text."
    )
    # The component and its settings
    E010 = (
        "The component '{name}' has no model yet. Train it with `spacy train`, load a trained pipeline, or call "
        "initialize with an encoder: nlp.get_pipe('{name}').initialize(lambda: [], encoder=load_encoder('FOLDER'))."
    )
    E011 = (
        "The component '{name}' was initialized without an encoder. Name one in the config, "
        '[initialize.components.{name}.encoder] with @misc = "spacy-cqa.EncoderLoader.v1" and name = "FOLDER or '
        'Hugging Face id", or pass encoder=load_encoder(...).'
    )
    E012 = "The label {label!r} cannot be added: the categories are fixed to {labels}."
    E013 = "Setting {name} of the component is {value!r}, but must be {expected}."
    E014 = (
        "A window of {window} subwords leaves {width} for the note after {question} for the question and {special} "
        "special tokens, but the overlap is {overlap}. Raise window, or lower overlap or max_question_tokens."
    )
    E015 = (
        "The setting window is {window}, but the encoder reads at most {limit} subwords at once. "
        "Set window to {limit} or less."
    )
    # Model folders and encoders
    E020 = "No model of the component in {path}: {problem}. Point to a folder written by nlp.to_disk, or train again."
    E021 = (
        "The model in {path} has format {found}, but this version of spacy-cqa reads format {known}. "
        "Install the spacy-cqa that wrote it, or train again."
    )
    E022 = "The weights in {path} do not fit the model that the config describes: {problem}. Use the config they were trained with."
    E023 = "SHA-256 of {path} is {found}, but {expected} was expected. The file is not the pinned one: delete it and fetch again."
    E024 = "No encoder in {path}: {problem}. A folder needs config.json, the tokenizer's files and model.safetensors or pytorch_model.bin."
    E025 = (
        "The encoder {name!r} could not be fetched: {problem}. Check the name and the network, or pass a local folder."
    )
    E026 = "{setting} = {value} is not possible: {problem}."
    E027 = "The tokenizer of {path} is no fast tokenizer, so it gives no character offsets. Use a checkpoint that has a tokenizer.json or a vocabulary file."
    E028 = "The folder {path} is not empty and holds no encoder, so it is left as it is. Give a new or an empty folder."
    # Data
    E030 = "{path} is not in SQuAD form: {problem}. Expected {{'data': [{{'paragraphs': [{{'context': ..., 'qas': [...]}}]}}]}}."
    E031 = "{path} does not exist. Check the path."
    E032 = "{path} cannot be read as {form}: {problem}."
    E033 = "The ending of {path} is not usable here. Use {endings}."
    E034 = "Shares {value!r} for the splits are not usable. Give positive numbers such as 70/10/20 or 80/20."
    E035 = "{path} holds no note with questions. Convert it with `spacy cqa convert`."
    E036 = "Question {question!r} has an answer at characters {start} to {end}, outside its note of {length}. Correct the offsets."
    E040 = (
        "{path} is not in emrQA's form: {problem}. Expected {{'data': [{{'title': 'medication', 'paragraphs': "
        "[{{'note_id': ..., 'context': [...], 'qas': [...]}}]}}]}}."
    )
    E041 = (
        "{path} cannot be read as JSON in UTF-8 beyond its first {notes} notes: {problem}. The file may be cut or of "
        "another encoding: copy it again, or convert it to UTF-8."
    )
    E042 = "Setting {name} of the preparation is {value!r}, but must be {expected}."
    E043 = "{path} has no notes of the subsets {missing}, but of {found}. Choose among these."
    E044 = "{path} holds something that is no earlier output of this command, so it is left as it is. Give a new path."
    E071 = "--shard writes a folder of .spacy files, not {path}: give a name without .json, or leave out --shard."
    E045 = "No runs in {path}: {problem}. Give run folders, each with run.json and the results of the split, or folders of them."
    E046 = (
        "{path} contradicts itself: {name} is {found} in its scores, but {expected} by its questions. "
        "It was edited, or written by another version: evaluate the run again."
    )
    E047 = "The run {run} cannot be compared with {other}: {problem}. Compare runs on the same data, and each encoder, variant and seed once."
    # Ontologies
    E050 = "No ontology in {path}: {problem}. Expected {expected}. Check the path."
    E051 = "{path} is not text in UTF-8, but seems to be {encoding}. Convert it to UTF-8, or give another file."
    E052 = (
        "No concept is left of {path}, read in the form {form}. Skipped: {skipped}. "
        "Check the form, and the options that filter."
    )
    E053 = "{path} has no column {missing}, but has {header}. Rename its columns, or name the ones to read."
    E054 = "There is no {what} named {value!r} for reading an ontology. Known: {known}."
    E055 = "Option {option} of an ontology is {value!r}, but must be {expected}."
    # Knowledge bases and linking
    E060 = (
        "No knowledge base in {path}: {missing} is missing. Build one with `spacy cqa kb`, or name one of scispacy's: "
        "{names}."
    )
    E061 = "The knowledge base in {path} cannot be read: {problem}. Build it again with `spacy cqa kb`."
    E062 = (
        "scispacy's knowledge base {name!r} could not be fetched: {problem}. Check the network, or build one of your "
        "own with `spacy cqa kb`."
    )
    E063 = (
        "The component '{name}' has no answers to link in doc.spans[{key!r}]. Put clinical_qa before it in the "
        "pipeline, with the same spans_key."
    )
    E064 = "Setting {name} of the linker is {value!r}, but must be {expected}."
    E065 = (
        "The linker {linker!r} is not in the pipeline before this component, or is no scispacy_linker; found {found}. "
        "Add it first, or name a knowledge base in `kb`."
    )
    E066 = "{path} holds something that is no knowledge base, so it is left as it is. Give a new or an empty folder."
    E067 = "{path} holds no question with an answer and a category, so nothing can be fitted to it. Label it first."
    # Generating
    E068 = (
        "Note {note!r} cannot be asked about: {problem}. Give notes whose `entities` are annotated as the corpus guide "
        "says."
    )
    E069 = (
        "Note {note!r} is of the split {split!r}. Questions are generated from a training split only, so that nothing "
        "of the others leaks into training: give a file whose `split` is 'train'."
    )
    # Exporting
    E070 = "This model has no form of a Hugging Face checkpoint: {problem}. Train it with {remedy}."


class Warnings(metaclass=_WithCode):
    W001 = (
        "No question was asked on the evaluated docs, so question answering has no scores. `spacy evaluate` cannot ask "
        'questions: use `spacy cqa evaluate`, or read the data with @readers = "spacy-cqa.QACorpus.v1".'
    )
    W002 = "{count} questions of a batch are longer than max_question_tokens = {limit} subwords and were left out of training."
    W003 = "The span head of {name}, a {kind}, is no single linear layer, so its encoder alone is loaded: train the new span head."
    W004 = (
        "The checkpoint has a span head, but span_hidden = {span_hidden} asks for a new one with hidden layers. "
        "Set span_hidden = [] to keep the checkpoint's."
    )
