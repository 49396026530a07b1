"""THE GATE of a share: what changes while it lasts. Devices, questions, guesses, and the pages that people see first."""
