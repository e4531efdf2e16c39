-- Stores rows that were not stored yet, in one atomic step; returns how many were new.
-- KEYS: the prefix of all keys, whose hash tag keeps them in one slot of a cluster.
-- ARGV: eight values a row: i (interaction) or r (ranking), the bucket and the digest of its id,
--       the keyed hash of who did it, user, session (each empty for none), time in milliseconds,
--       and the row itself.
local prefix, call = KEYS[1], redis.call
local CLAIMS_KEPT_S = 31 * 86400  -- thirty days, and one in which it is not set again
local DAY_MS = 86400000

-- What rows change of the counts of shoppers, told once at the end.
local did = {}

local function count(user, n)
  did[user] = (did[user] or 0) + n
end

local function claim(session, time, user)
  local key = prefix .. 'c:' .. session
  local after = call('ZRANGEBYSCORE', key, time, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if after[1] and (string.sub(after[1], 7) == user or tonumber(after[2]) == tonumber(time)) then
    return
  end
  local before = call('ZREVRANGEBYSCORE', key, '(' .. time, '-inf', 'LIMIT', 0, 1)
  call('ZADD', key, time, struct.pack('>I6', tonumber(time)) .. user)
  if before[1] and string.sub(before[1], 7) == user then
    call('ZREM', key, before[1])
  end
  if not before[1] or tonumber(time) - struct.unpack('>I6', before[1]) > DAY_MS then
    call('EXPIRE', key, CLAIMS_KEPT_S)
  end
  if call('EXISTS', prefix .. 'si:' .. session, prefix .. 'sr:' .. session) == 0 then
    return
  end
  for _, kind in ipairs({'i', 'r'}) do
    local visit = prefix .. 's' .. kind .. ':' .. session
    local rows = call('ZRANGEBYSCORE', visit, '-inf', time, 'WITHSCORES')
    for at = 1, #rows, 2 do
      call('ZADD', prefix .. 'u' .. kind .. ':' .. user, rows[at + 1], rows[at])
    end
    if #rows > 0 then
      call('ZREMRANGEBYSCORE', visit, '-inf', time)
      if kind == 'i' then
        count(user, #rows / 2)
      end
    end
  end
end

local function owner(session, time)
  local after = call('ZRANGEBYSCORE', prefix .. 'c:' .. session, time, '+inf', 'LIMIT', 0, 1)
  return after[1] and string.sub(after[1], 7) or ''
end

local expired = tonumber(call('GET', prefix .. 'expired') or 0)
local some_refused = call('EXISTS', prefix .. 'out', prefix .. 'gone') > 0

local function refused(who, time)
  if call('SISMEMBER', prefix .. 'out', who) == 1 then
    return true
  end
  local gone = call('HGET', prefix .. 'gone', who)
  return gone and tonumber(time) <= tonumber(gone)
end

local rows, claims = {}, {}
for at = 1, #ARGV, 8 do
  local row = {
    kind = ARGV[at], ids = prefix .. 'ids:' .. ARGV[at + 1], digest = ARGV[at + 2],
    user = ARGV[at + 4], session = ARGV[at + 5], time = ARGV[at + 6], text = ARGV[at + 7],
  }
  if tonumber(row.time) >= expired and call('SISMEMBER', row.ids, row.digest) == 0
      and not (some_refused and refused(ARGV[at + 3], row.time)) then
    rows[#rows + 1] = row
    if row.user ~= '' and row.session ~= '' then
      claims[#claims + 1] = row
    end
  end
end

table.sort(claims, function(one, other)
  local time, other_time = tonumber(one.time), tonumber(other.time)
  if time ~= other_time then return time < other_time end
  if one.session ~= other.session then return one.session < other.session end
  return one.user < other.user
end)
for _, row in ipairs(claims) do
  claim(row.session, row.time, row.user)
end

if #rows == 0 then
  return 0
end
local seq = call('INCRBY', prefix .. 'seq', #rows) - #rows
local interactions = 0
for _, row in ipairs(rows) do
  seq = seq + 1
  call('XADD', prefix .. 'log', string.format('%d-0', seq), row.kind, row.text)
  -- big-endian, so that rows of one time are in the order of appending
  local member = struct.pack('>I6', seq)
  local user = row.user
  if user == '' and row.session ~= '' then
    user = owner(row.session, row.time)
  end
  if user ~= '' then
    call('ZADD', prefix .. 'u' .. row.kind .. ':' .. user, row.time, member)
  elseif row.session ~= '' then
    call('ZADD', prefix .. 's' .. row.kind .. ':' .. row.session, row.time, member)
  end
  if row.kind == 'i' then
    interactions = interactions + 1
    if user ~= '' then
      count(user, 1)
    end
  end
  call('SADD', row.ids, row.digest)
end

call('INCRBY', prefix .. 'interactions', interactions)
for user, n in pairs(did) do
  call('ZINCRBY', prefix .. 'shoppers', -n, user)
end
return #rows
