-- Stores rows that were not stored yet, in one atomic step each; returns how many were new.
-- KEYS: the prefix of all keys, whose hash tag keeps them in one slot of a cluster.
-- ARGV: seven values a row: i (interaction) or r (ranking), the bucket and the digest of its id,
--       user, session (empty for none), time in milliseconds, the row itself.
local prefix = KEYS[1]
local new = 0
for at = 1, #ARGV, 7 do
  local kind, digest = ARGV[at], ARGV[at + 2]
  local ids = prefix .. 'ids:' .. ARGV[at + 1]
  if redis.call('SISMEMBER', ids, digest) == 0 then
    local user, session, time = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
    local seq = redis.call('INCR', prefix .. 'seq')
    redis.call('XADD', prefix .. 'log', string.format('%d-0', seq), kind, ARGV[at + 6])
    -- big-endian, so that rows of one time are in the order of appending
    local member = struct.pack('>I6', seq)
    if user ~= '' then
      redis.call('ZADD', prefix .. 'u' .. kind .. ':' .. user, time, member)
    elseif session ~= '' then
      redis.call('ZADD', prefix .. 's' .. kind .. ':' .. session, time, member)
    end
    if kind == 'i' then
      redis.call('INCR', prefix .. 'interactions')
      if user ~= '' then
        redis.call('ZINCRBY', prefix .. 'shoppers', -1, user)
      end
    end
    redis.call('SADD', ids, digest)
    new = new + 1
  end
end
return new
