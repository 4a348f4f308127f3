-- Which fault is played on which request. What each kind does stands in `effects`.
local token_endpoint = require "token_endpoint"

local faults = {}

local list

function faults.reset()
  list = {}
  -- The same share of requests is hit in every run.
  math.randomseed(20190927)
end

-- `fault`: kind, path ("token", "api" or a prefix), method, kept, times (nil with a share: for ever),
-- share, skip (pass over so many first), and what its kind needs.
function faults.add(fault)
  fault.times = fault.times or not fault.share and 1 or math.huge
  list[#list + 1] = fault
end

function faults.clear()
  list = {}
end

function faults.pending()
  return list
end

local function matches_path(fault, path)
  if fault.path == nil then
    return true
  elseif fault.path == "token" or fault.path == "api" then
    return token_endpoint.owns(path) == (fault.path == "token")
  end
  return path:sub(1, #fault.path) == fault.path
end

local function matches(fault, self)
  return matches_path(fault, self.path)
    and (fault.method == nil or fault.method == self.method)
    and (not fault.kept or self.connection_requests > 1)
end

-- Whether it is this request's turn: after those to pass over, and by its share.
local function is_due(fault)
  if (fault.skip or 0) > 0 then
    fault.skip = fault.skip - 1
    return false
  end
  return not fault.share or math.random() < fault.share
end

local function use(i)
  local fault = list[i]
  fault.times = fault.times - 1
  if fault.times <= 0 then
    table.remove(list, i)
  end
  return fault
end

-- The first fault that hits this request, or nil; one time of it is used up.
function faults.pick(self)
  for i, fault in ipairs(list) do
    if matches(fault, self) and is_due(fault) then
      return use(i)
    end
  end
end

faults.reset()

return faults
