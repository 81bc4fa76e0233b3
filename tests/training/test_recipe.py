"""Recipes: read into values, unknown keys refused by name."""

from importlib.resources import files
from pathlib import Path

import pytest

from einthoven.record import UsageError
from einthoven.training import load_recipe, names, runs, to_toml


@pytest.mark.parametrize("name", names())
def test_every_shipped_recipe_reads_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    file = tmp_path / "again.toml"
    file.write_text(to_toml(recipe), encoding="utf-8")
    assert load_recipe(str(file)) == recipe
    assert recipe.name == name


def test_what_a_recipe_of_twelve_leads_needs_is_what_the_benchmark_printed() -> None:
    printed = Path(__file__).parents[2] / "benchmarks" / "printed" / "needs.txt"
    lines = [s for s in printed.read_text(encoding="utf-8").splitlines() if s.startswith("# ")]
    recipes = [load_recipe(name) for name in names()]
    whole = [r.name for r in recipes if r.task == "diagnosis" and r.input.kind != "tokens"]
    folder = files("einthoven.recipes")
    heads = [folder.joinpath(f"{n}.toml").read_text(encoding="utf-8").splitlines() for n in whole]
    assert sorted(head[0] for head in heads) == sorted(lines)


@pytest.mark.parametrize(
    "assignment, text",
    [
        ("optimiser.epoch=3", "optimiser: key 'epoch' is not known. Did you mean epochs?"),
        ("optimizer.epochs=3", "recipe: key 'optimizer' is not known. Did you mean optimiser?"),
        ("input.rat=3", "input: key 'rat' is not known. Did you mean rate?"),
        ("optimiser.epochs=0", "optimiser.epochs: is 0. Give 1 or more."),
        ("optimiser.epochs=ten", "optimiser.epochs: is 'ten'. Give int."),
        ("protocol.part=0", "protocol.part: is 0. Give text, in quotes: 'protocol.part=\"0\"'."),
        ("objective.balance=2", "objective.balance: is 2. Give 0 to 1."),
        ("corpus.labels=aamy", "corpus.labels: 'aamy' is not known. Did you mean aami?"),
        ("objective.name=binary-cross-entropy", "objective.name: is for whole records"),
        ("task=diagnosis", "corpus.labels: 'aami' is no set of labels for the task diagnosis"),
        ('corpus.others=["ludb"]', "corpus.others: is for whole records"),
        ("crop.hop=0", "crop.hop: is 0. Give over 0, to 1."),
        ("protocol.strikt=true", "protocol: key 'strikt' is not known. Did you mean strict?"),
        ("optimiser.average=1", "optimiser.average: is 1. Give 0 to below 1."),
        ("seeds=[]", "seeds: are []"),
        ('corpus.classes=["N", "N", "S"]', "corpus.classes: has N twice. Name each once."),
        ('corpus.classes=["N"]', "corpus.classes: has N alone"),
        ("epochs", "--set: 'epochs' is no assignment. Give section.key=value."),
        ("corpus=3", "corpus: is 3. Give a table"),
    ],
)
def test_a_wrong_key_or_value_is_refused_in_one_sentence(assignment: str, text: str) -> None:
    with pytest.raises(UsageError) as fault:
        load_recipe("demo", [assignment])
    assert text in str(fault.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('title = "x"\ntask = "beat"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="recipe: lacks 'corpus'"):
        load_recipe(str(file))


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean demo"):
        load_recipe("demmo")


def test_set_takes_toml_values_and_plain_words() -> None:
    recipe = load_recipe(
        "demo", ["seeds=[3, 4]", "optimiser.learning_rate=1e-4", "optimiser.schedule=cosine"]
    )
    assert recipe.seeds == (3, 4)
    assert recipe.optimiser.learning_rate == 1e-4
    assert recipe.optimiser.schedule == "cosine"


def test_several_seeds_are_several_runs_and_one_is_the_folder_itself() -> None:
    assert list(runs(load_recipe("demo"), Path("r"))) == [Path("r")]
    several = runs(load_recipe("demo", ["seeds=[1, 2]"]), Path("r"))
    assert list(several) == [Path("r/seed-1"), Path("r/seed-2")]
    assert [r.seeds for r in several.values()] == [(1,), (2,)]
