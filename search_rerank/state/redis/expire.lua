-- Takes rows before a time out of histories, and from then on stores no such row; returns how many
-- left.
-- KEYS: the prefix, then sorted sets of users and sessions.
-- ARGV: the time in milliseconds.
local prefix, call = KEYS[1], redis.call
local before = '(' .. ARGV[1]
local told = call('GET', prefix .. 'expired')
if not told or tonumber(told) < tonumber(ARGV[1]) then
  call('SET', prefix .. 'expired', ARGV[1])
end
local expired = 0
for at = 2, #KEYS do
  local rows = call('ZRANGEBYSCORE', KEYS[at], '-inf', before, 'WITHSCORES')
  if #rows > 0 then
    local n = #rows / 2
    local key = string.sub(KEYS[at], #prefix + 1)
    local whose, kind, name = string.sub(key, 1, 1), string.sub(key, 2, 2), string.sub(key, 4)
    if whose == 'u' then  -- the log still holds them: what export tells and forget removes
      for row = 1, #rows, 2 do
        call('ZADD', prefix .. 'x' .. kind .. ':' .. name, rows[row + 1], rows[row])
      end
    end
    call('ZREMRANGEBYSCORE', KEYS[at], '-inf', before)
    if kind == 'i' then
      call('DECRBY', prefix .. 'interactions', n)
      if whose == 'u' and tonumber(call('ZINCRBY', prefix .. 'shoppers', n, name)) >= 0 then
        call('ZREM', prefix .. 'shoppers', name)
      end
    end
    expired = expired + n
  end
end
return expired
