-- Returns what a log holds past a number, as of one moment. A transaction would be refused by a
-- server that is out of memory; a script that only reads is not.
-- KEYS: the prefix.
-- ARGV: the number, how many takings are known, how many entries at most.
local prefix, call = KEYS[1], redis.call
return {
  call('MGET', prefix .. 'epoch', prefix .. 'seq', prefix .. 'takings'),
  call('XRANGE', prefix .. 'log', '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[3]),
  call('XRANGE', prefix .. 'taken', ARGV[2] + 1 .. '-0', '+'),
}
