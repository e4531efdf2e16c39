-- Returns the newest rows of a user and of a session that are no user's: for each the numbers and
-- the rows in turn, newest first.
-- KEYS: the prefix, the user's and the session's sorted sets.
-- ARGV: how many of each at most.
local log = KEYS[1] .. 'log'
local last = tonumber(ARGV[1]) - 1
local found = {}
for which = 2, 3 do
  local rows = {}
  for _, member in ipairs(redis.call('ZREVRANGE', KEYS[which], 0, last)) do
    local seq = struct.unpack('>I6', member)
    local id = string.format('%d-0', seq)
    local entry = redis.call('XRANGE', log, id, id)[1]
    if entry then
      rows[#rows + 1] = seq
      rows[#rows + 1] = entry[2][2]
    end
  end
  found[which - 1] = rows
end
return found
