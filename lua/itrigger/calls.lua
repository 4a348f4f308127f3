-- The calls in flight of an iterator: of a batch, or of the rows of a list. Its fields: client, party, closed.

local async = require "itrigger.async"

local error = error

local calls = {}

-- Open the iterator's party. It belongs to where its first step is made: a script, or one coroutine of an
-- event loop. Raises the error of a client that is closed, or of a place that cannot wait.
function calls.begin(self)
  local party, err = async.open(self.client)
  if party == nil then
    self.closed = true
    error(err, 0)
  end
  self.party = party
  return party
end

-- Cancel what is in flight; no step gives anything afterwards. Returns the slots of the calls that may have been
-- executed. May be called again.
function calls.close(self)
  local party = self.party
  self.closed, self.party = true, nil
  return party and async.close(party) or {}
end

return calls
