"""The served path trained and scored on one GPU, away from the rest."""
