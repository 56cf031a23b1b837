"""Hostile input for every door of the app, made by chance; the same seed and number give the same input.

make fuzz                                     # every door, two at a time, one table; exit 1 if a bar is missed
python -m tools.fuzz archives --seed 3        # one door, other input
python -m tools.fuzz images --only 1234       # one input again, with its traceback
"""
