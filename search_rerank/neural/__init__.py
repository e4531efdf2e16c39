"""Where neural scorers are trained; the only room that imports torch, and never when serving."""
