"""Bad input everywhere: every address of the URL map, every field, every kind of nonsense."""
