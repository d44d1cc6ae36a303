"""Small interactive views: Python checks and packs, JavaScript draws and listens.

Each view is a folder: `head_grid/view.py` is what a page calls, `head_grid.js` and
`head_grid.css` beside it are what the browser runs; `shared` is what views share.
Hover never leaves the browser; a click is told to Python once, and comes back as the
next `selected`.
"""
