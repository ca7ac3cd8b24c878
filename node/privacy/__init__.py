"""What a node gives away about its learners, to whom: computed from its log and its settings (DESIGN 4)."""
