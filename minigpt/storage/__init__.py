"""A run in a bucket (S3, or what speaks as it does), for machines that share no folder.

Every machine has a directory of its own for the run. Who trains uploads what changed,
and who watches fetches it; both work on their directory as on any other run's.

    s3://bucket/prefix/<run>/
        contents.json    which files the run has, each by its pieces (see `contents`)
        control.json     who may train it, and whether it is to stop (see `control`)
        pieces/<sha256>  what files consist of

A piece never changes, and `contents.json` is replaced last, as a whole. So whoever
reads sees the run as it was at one moment, and never half a checkpoint.

place      which bucket a run is kept in
bucket     objects, read and written
contents   the list of files, as a stranger may have written it
control    what travels the other way
own_text   which text a run from a bucket learns from
upload     from a directory to the bucket
download   from the bucket to a directory
keeping    while a run is trained, upload
following  whoever watches or goes on with it
"""
