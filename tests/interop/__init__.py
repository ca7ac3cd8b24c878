"""What we issue, read by software that is not ours; and the other way round."""
