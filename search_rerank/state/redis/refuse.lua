-- Notes that nothing of a user up to a moment is stored any more, nor of sessions they claimed.
-- KEYS: the prefix.
-- ARGV: the moment in milliseconds, user, the user's keyed hash, then each session and its hash.
local prefix, call = KEYS[1], redis.call
local user = ARGV[2]
call('HSET', prefix .. 'gone', ARGV[3], ARGV[1])
for at = 4, #ARGV, 2 do
  local key = prefix .. 'c:' .. ARGV[at]
  local claims = call('ZRANGE', key, 0, -1)
  local claimed = #claims == 0  -- claims are not kept for ever
  for _, claim in ipairs(claims) do
    if string.sub(claim, 7) == user then
      claimed = true
      call('ZREM', key, claim)
    end
  end
  if claimed then
    call('HSET', prefix .. 'gone', ARGV[at + 1], ARGV[1])
  end
end
