"""A class on one server: who is there, what each may use, and what all predict.

links      secrets in the links of the teacher and of the learners
names      what a learner may be called
database   where all of it is kept: SQLite, or PostgreSQL
tables     what it holds: members, what the teacher shows, votes
room       the class itself: joining, who is there, locks, views, the end
votes      a prediction that all make, twice, and its CSV
quotas     what a learner may start and keep
tries      what the lessons' Checks show to be difficult
gallery    what learners' models wrote, shown to the class
study      two arms, compared by tests before and after a lesson
gifts      a learner's model, copied for all
"""
