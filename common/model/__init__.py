"""The words of the system as types. Pure data and pure decisions."""
