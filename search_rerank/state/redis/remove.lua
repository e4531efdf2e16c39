-- Removes rows of a user, and tells those who counted them; returns how many were there.
-- KEYS: the prefix, a sorted set of the user's.
-- ARGV: i or r, the user where the set is part of a history (else empty), then of each row its
--       number, the bucket and the digest of its id, and what those who counted it must know.
local prefix, call = KEYS[1], redis.call
local kind, user = ARGV[1], ARGV[2]
local taken = {}
for at = 3, #ARGV, 4 do
  local id = ARGV[at] .. '-0'
  local entry = call('XRANGE', prefix .. 'log', id, id)[1]
  call('ZREM', KEYS[2], struct.pack('>I6', tonumber(ARGV[at])))
  call('SREM', prefix .. 'ids:' .. ARGV[at + 1], ARGV[at + 2])
  if entry then
    call('XDEL', prefix .. 'log', id)
    taken[#taken + 1] = ARGV[at + 3]
  end
end
if #taken > 0 then
  local time = call('TIME')
  local id = call('INCR', prefix .. 'takings') .. '-' .. time[1]
  call('XADD', prefix .. 'taken', id, kind, '[' .. table.concat(taken, ',') .. ']')
  if kind == 'i' then
    call('INCRBY', prefix .. 'dropped', #taken)
    if user ~= '' then
      call('DECRBY', prefix .. 'interactions', #taken)
      if tonumber(call('ZINCRBY', prefix .. 'shoppers', #taken, user)) >= 0 then
        call('ZREM', prefix .. 'shoppers', user)
      end
    end
  end
end
return #taken
