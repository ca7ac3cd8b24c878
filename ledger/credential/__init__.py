"""What a learner holds and shows: credentials, disclosures, key binding, status, presentations, verification."""
