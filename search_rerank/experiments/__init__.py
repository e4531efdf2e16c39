"""What a ranker is worth: from another's log before it is shown, by an experiment after."""
