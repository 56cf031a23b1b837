from streamlit.logger import set_log_level

set_log_level("error")  # pages run in this process, where Streamlit warns at every step that no server does
