// What each lesson shows, in words: for a reader who has nothing but this file.

export const WORDS = {
  home: [
    "Each line is a token's residual stream: it begins as the token's embedding, and every "
    + "part only adds to it. Attention brings what other tokens hold, the MLP transforms what "
    + "the token has. At the end each stream is compared with every token of the vocabulary. "
    + "Only the last one says something new: append it, and the model goes round again.",
  ],
  head_explorer: [
    "Each thumbnail is one head. A row is a token that reads, a column a token that is read; a "
    + "row adds up to 1. A line just below the diagonal: every token reads the one before it. A "
    + "first column in full colour: all read the first token. What a head does depends on the "
    + "text: type another, and look again.",
    "A pattern shows what a head reads, not what it is good for. To ablate a head is to set its "
    + "output to zero: if the prediction stays, the model did not need it here, or another head "
    + "stood in for it.",
  ],
  attention: [
    "Every token's stream becomes a query, a key and a value. The query of the chosen token is "
    + "multiplied with every key; the products are divided by √d, later tokens are masked, and "
    + "the softmax turns the rest into weights that add up to 1. What the head carries to the "
    + "chosen token is the average of the values with these weights.",
    "Click a token above the sheet to make it the one that reads. Without ÷ √d the largest "
    + "score takes nearly all the weight.",
  ],
  generation: [
    "After each token the model gives every token of its vocabulary a probability. It does not "
    + "choose. A temperature below 1 sharpens the distribution, one above 1 flattens it; top-k "
    + "keeps the k likeliest tokens, top-p the fewest that together reach p; then one is drawn.",
    "Click a token that was not drawn: the model goes on from your history.",
  ],
  beam_search: [
    "A column is a step, a node a text that was considered: its last token, ln p of that "
    + "token, and the sum of all. At each step every text that is kept is continued by every "
    + "token, and the best go on. A text whose first token is unlikely can win in the end: what "
    + "is best now need not be best in the end. Width 1 is greedy.",
  ],
  tokenizer: [
    "A model reads numbers, one for each token. A tokenizer cuts a text into pieces that it "
    + "knows and gives each its number, below the piece. Equal pieces have equal numbers and "
    + "colours; “The” and “the”, with a space before it or without, are different ones.",
  ],
  logit_lens: [
    "After each block the stream is read as if it were the last: the final norm and the head "
    + "turn it into a distribution of the next token. Early blocks are not made to be read this "
    + "way, so what they show may mean little. Where the answer appears, and where it "
    + "overtakes its rival, shows which blocks wrote it.",
  ],
};
