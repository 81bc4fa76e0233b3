"""Floor 4. One file a public data set."""

from einthoven.corpora._check import Check, RecordSurvey, check, survey
from einthoven.corpora._corpus import CORPORA, Corpus, Facts, data_root, open_corpus
from einthoven.corpora.demo import demo_record

__all__ = [
    "CORPORA", "Check", "Corpus", "Facts", "RecordSurvey", "check", "data_root", "demo_record",
    "open_corpus", "survey",
]  # fmt: skip
