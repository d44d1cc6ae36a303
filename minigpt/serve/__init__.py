"""A model behind HTTP, spoken to as to OpenAI: see `app`. Needs FastAPI.

hosts, guard     who may ask at all
bodies           what a request may say
engine, jobs     one thread that writes for all who wait
completions, chat, looks   what is answered
app              the routes
"""
