"""Shared by every app: money, ids, time, secrets, and the way out to the world. Imports no app."""
