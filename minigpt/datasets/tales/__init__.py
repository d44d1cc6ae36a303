"""`tales`: a small world that writes stories, questions, lessons and answers.

`words` and `phrases` are its language, `world` who is in it, `scenes` and `story` tell
it; `facts` and `questions` ask about it; `lessons`, `instructions` and `talk` teach a
model to answer; `mentions` reads what a model wrote.
"""
