"""AlexNet Explorer's core: shapes, weights, pictures and training of AlexNet and its relatives.

Nothing in here imports Streamlit. Importing the package itself imports nothing else, so `--help`, the menu
and the architecture page start without torch.
"""

__version__ = "0.1.0"
