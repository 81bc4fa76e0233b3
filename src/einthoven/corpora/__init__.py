"""Floor 4. One file a public data set."""

from einthoven.corpora._check import Check, check
from einthoven.corpora._corpus import CORPORA, Corpus, Facts, data_root, open_corpus
from einthoven.corpora._survey import RecordSurvey, copies, label_counts, survey
from einthoven.corpora.demo import demo_record

__all__ = [
    "CORPORA", "Check", "Corpus", "Facts", "RecordSurvey", "check", "copies", "data_root",
    "demo_record", "label_counts", "open_corpus", "survey",
]  # fmt: skip
