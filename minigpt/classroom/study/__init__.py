"""A study in a box: two arms, three tests, and the difference between the arms.

design        arms, tests, and which form of the test comes when
forms         parallel forms of a test, composed of items of the same kinds
studies       a study of a class: started, found by a link, deleted
participants  who takes part, in which arm, under which code, and how far they are
responses     what they answered, and the table of it
effect        the difference between the arms, with its interval
"""
