"""Training settings drawn by hypothesis."""

from hypothesis import strategies as st

from alexnet_viz.training.config import FIELDS, Field


def valid(field: Field) -> st.SearchStrategy:
    """Values that a field takes."""
    match field.kind:
        case "int":
            return st.integers(int(field.low), int(field.high))
        case "float":
            return st.floats(max(field.low, 0), field.high)
        case "bool":
            return st.booleans()
        case "choice":
            return st.sampled_from(field.choices)
        case _:
            return st.text(min_size=int(field.low), max_size=20).filter(str.isprintable)


SETTINGS = st.fixed_dictionaries(
    {"data": valid(FIELDS["data"])},
    optional={name: valid(field) for name, field in FIELDS.items() if name not in ("data", "frozen")},
)
