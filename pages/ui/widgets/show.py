"""What all charts have in common."""

FIXED = {"displayModeBar": False}  # config of st.plotly_chart: without the row of buttons above a chart
