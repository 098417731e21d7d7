"""Generated training data: question patterns over facts, and a grammar of notes."""
