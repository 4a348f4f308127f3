-- luacheck: std ngx_lua
-- gzip (RFC 1952) of stored blocks (RFC 1951, 3.2.4): nothing gets smaller, every reader must take it.
local bit = require "bit"

local gzip = {}

local max_block = 65535

local function little_endian(number, bytes)
  local out = {}
  for i = 1, bytes do
    out[i] = string.char(bit.band(bit.rshift(number, 8 * (i - 1)), 255))
  end
  return table.concat(out)
end

local function stored_block(data, is_last)
  local size = #data
  local header = string.char(is_last and 1 or 0) .. little_endian(size, 2) .. little_endian(bit.bnot(size), 2)
  return header .. data
end

function gzip.wrap(data)
  local out = { "\31\139\8\0\0\0\0\0\0\255" }
  local at = 1
  repeat
    local block = data:sub(at, at + max_block - 1)
    at = at + max_block
    out[#out + 1] = stored_block(block, at > #data)
  until at > #data
  out[#out + 1] = little_endian(ngx.crc32_long(data), 4) .. little_endian(#data, 4)
  return table.concat(out)
end

return gzip
