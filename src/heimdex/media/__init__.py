"""Files become facts, frames and pictures. Only here are originals opened.

walk → recognise → hashing → probe → photo | video → pictures (the kept frame and its thumbnail).
"""
