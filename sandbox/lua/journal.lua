-- What arrived: the last requests, and counters since the last reset.
local request = require "request"
local waits = require "waits"

local journal = {}

local max_kept, max_body = 100, 65536

local kept, counters

function journal.reset()
  kept = {}
  counters = {
    requests = 0, -- all but control
    connections = 0, -- that carried them
    calls = {}, -- path → requests
    refused = 0, -- calls whose token was refused
    refused_because = {}, -- reason → calls
    denied = 0, -- calls to a path that was not applied for
    faults = 0, -- requests that a fault was played on
    fetches = 0, -- requests to a token path
    fetches_by_path = {},
    granted = 0, -- token answers with a token
  }
end

local function bump(counts, name)
  counts[name] = (counts[name] or 0) + 1
end

function journal.add(self)
  kept[#kept + 1] = self
  if #kept > max_kept then
    table.remove(kept, 1)
  end
  counters.requests = counters.requests + 1
  if self.connection_requests == 1 then
    counters.connections = counters.connections + 1
  end
  bump(counters.calls, self.path)
  if self.fault then
    counters.faults = counters.faults + 1
  end
  waits.changed()
end

function journal.count_fetch(path)
  counters.fetches = counters.fetches + 1
  bump(counters.fetches_by_path, path)
end

function journal.count_granted()
  counters.granted = counters.granted + 1
end

function journal.count_refused(why)
  counters.refused = counters.refused + 1
  bump(counters.refused_because, why)
end

function journal.count_denied()
  counters.denied = counters.denied + 1
end

function journal.counters()
  return counters
end

-- An answered request keeps no more of its body than is shown.
function journal.shorten(self)
  self.body = self.body:sub(1, max_body)
end

-- The last requests, the oldest first.
function journal.requests()
  local list = {}
  for i, self in ipairs(kept) do
    list[i] = request.describe(self, max_body)
  end
  return list
end

journal.reset()

return journal
