"""What is deployed: `sources` finds template, code and pins, and `recipe` makes the functions' bundles.

A wheel has the template and the pins in this folder (setup.py copies them); a clone has them where SAM looks for them.
"""
