"""Rights of the learner: access, erasure, restriction, disagreement, disclosures, legal holds, retention."""
