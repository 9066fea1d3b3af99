"""The baseline on the simple table: any picture, its signal, and a small network that regresses one from the other."""
