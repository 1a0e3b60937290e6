"""Who may sign in here with a password, and what keeps others from guessing it."""
