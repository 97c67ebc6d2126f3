// The Lua scripts of `redisStore`.

import { createHash } from 'node:crypto'
import { EPOCH_KEY, GENERATION_KEY, MAX_AGE_KEY } from '../../shared/register.js'

/** A Lua script. Redis runs it atomically, without other commands in between. */
export interface RedisScript {
  readonly text: string
  /** The SHA-1 hash of the text, by which `EVALSHA` names the script. */
  readonly sha: string
}

/**
 * Functions that most scripts begin with. The only Redis key of a script is a hash with the registers of a subject. Each register is a
 * field with a cell: `<stamp> <canonical JSON>`, or `<stamp>` for a tombstone. A tab character (`\\t`) and the ids of updates may follow.
 * The field with the empty name has the time of the subject's last use, updated at most once in `precision` ms.
 */
const COMMON = `
-- Lua's numbers are doubles, exact up to LARGEST. Lua prints large numbers as 1.7e+12, so stamps are written as the texts received.
local LARGEST = 9007199254740991

-- An invalid cell counts as absent: any write replaces it.
local function read(cell)
  cell = cell or ''
  local stamp, text = cell:match('^(%d+) (.*)$')
  stamp = tonumber(stamp or cell:match('^%d+$'))
  if not stamp or stamp < 1 or stamp > LARGEST then return 0, '' end
  return stamp, text or ''
end

local function cellOf(field)
  return redis.call('HGET', KEYS[1], field)
end

-- Returns how long the hash lives after its recorded last use: maxIdle, or less if it has a lifetime of its own, and no revocation. A use
-- is recorded up to a precision late.
local function lifetime(precision, maxIdle)
  local own = tonumber((cellOf('${MAX_AGE_KEY}') or ''):match('^%d+ (%-?%d[%d.eE+-]*)$'))
  if not own or cellOf('${EPOCH_KEY}') or cellOf('${GENERATION_KEY}') then return maxIdle end
  return math.min(maxIdle, own + precision)
end

-- Records a use at most once per precision, so that not every read writes. Takes abs because a clock may have been ahead, and pcall
-- because a full Redis or a replica refuses writes, but reads must continue.
local function recordUse(now, precision, maxIdle)
  local used = tonumber(cellOf('')) or 0
  local life = lifetime(tonumber(precision), tonumber(maxIdle))
  local left = redis.call('PTTL', KEYS[1])
  if math.abs(now - used) < tonumber(precision) and left > life - precision and left <= life then return end
  redis.pcall('HSET', KEYS[1], '', now)
  redis.pcall('PEXPIRE', KEYS[1], string.format('%.0f', life))
end
`

/** Returns all fields and cells. KEYS: the hash. ARGV: now, precision, maxIdle. */
export const LOAD: RedisScript = script(`${COMMON}
local fields = redis.call('HGETALL', KEYS[1])
if #fields > 0 then recordUse(ARGV[1], ARGV[2], ARGV[3]) end
return fields
`)

/**
 * Merges cells, and returns the current cell of each field. KEYS: the hash. ARGV: now, precision, maxIdle, then a field and its cell for
 * each register.
 */
export const MERGE: RedisScript = script(`${COMMON}
-- Lua's own < compares texts by the server's locale.
local function isLarger(a, b)
  for at = 1, math.min(#a, #b) do
    local x, y = a:byte(at), b:byte(at)
    if x ~= y then return x > y end
  end
  return #a > #b
end

local cells = {}
for at = 4, #ARGV, 2 do
  local field, cell = ARGV[at], ARGV[at + 1]
  local current = cellOf(field)
  local stamp, text = read(cell)
  local currentStamp, currentText = read(current)
  if stamp > currentStamp or (stamp == currentStamp and isLarger(text, currentText)) then
    redis.call('HSET', KEYS[1], field, cell)
    current = cell
  end
  cells[#cells + 1] = current
end
recordUse(ARGV[1], ARGV[2], ARGV[3])
return cells
`)

/**
 * Writes a cell if the field has the expected stamp; returns 1 if written, else 0. KEYS: the hash. ARGV: now, precision, maxIdle, field,
 * cell, expected stamp.
 */
export const COMPARE_AND_SET: RedisScript = script(`${COMMON}
if read(cellOf(ARGV[4])) ~= tonumber(ARGV[6]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[4], ARGV[5])
recordUse(ARGV[1], ARGV[2], ARGV[3])
return 1
`)

/** Deletes tombstones older than a stamp. KEYS: the hash. ARGV: the stamp. */
export const PRUNE: RedisScript = script(`${COMMON}
local cells = redis.call('HGETALL', KEYS[1])
for at = 1, #cells, 2 do
  local stamp, text = read(cells[at + 1])
  local isTombstone = cells[at] ~= '' and (text == '' or text:sub(1, 1) == '\\t') and stamp > 0
  if isTombstone and stamp < tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], cells[at]) end
end
`)

/** Deletes all fields but those of revocation registers. KEYS: the hash. ARGV: the two fields of revocation registers. */
export const REMOVE_VALUES: RedisScript = script(`
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= '' and field ~= ARGV[1] and field ~= ARGV[2] then redis.call('HDEL', KEYS[1], field) end
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) + redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then redis.call('DEL', KEYS[1]) end
`)

/**
 * Deletes a hash last used before the limit, but keeps revocation registers until their own limit. Ignores a hash without a time of last
 * use. Returns 1 if anything was deleted, else 0.
 *
 * KEYS: the hash. ARGV: the limit in ms since 1970; the limit for revocation registers; the two fields of revocation registers.
 */
export const SWEEP: RedisScript = script(`
local used = tonumber(redis.call('HGET', KEYS[1], ''))
if not used or used >= tonumber(ARGV[1]) then return 0 end
if used < tonumber(ARGV[2]) or redis.call('HEXISTS', KEYS[1], ARGV[3]) + redis.call('HEXISTS', KEYS[1], ARGV[4]) == 0 then return redis.call('DEL', KEYS[1]) end
local swept = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= '' and field ~= ARGV[3] and field ~= ARGV[4] then swept = redis.call('HDEL', KEYS[1], field) end
end
return swept
`)

function script(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
