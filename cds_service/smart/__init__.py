"""The page of a patient as a SMART app, which a record system opens from a card (SMART App Launch 2.2, EHR launch)."""
