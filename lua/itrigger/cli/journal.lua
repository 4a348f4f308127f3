-- The journal of a batch: "started N DIGEST" before line N is sent, then "ok N", "failed N" (not executed) or "unknown N".
-- A start is with the kernel before the line is sent; what came of a line may follow with the next start, since a start alone
-- counts as unknown. An entry that cannot be written stops the batch. One run at a time has the journal: it is locked.

local core = require "itrigger.core"
local write = require "itrigger.cli.write"

local error, tonumber, tostring = error, tonumber, tostring

local journal = {}
local methods = {}
local metatable = { __index = methods }

local ENOENT = 2
local TORN = "~" -- ends an entry that a run could not finish, so that it is never read as a whole one

-- Read the entries. Returns whether the last one is torn.
local function read(self, text)
  for line in text:gmatch "([^\n]*)\n" do -- the head is no entry
    local word, number, hash = line:match "^(%a+) (%d+) ?(%x*)$"
    number = tonumber(number)
    if word == "started" then
      self.digests[number] = hash
    end
    if word then
      self.state[number] = word
    end
  end
  return text:sub(-1) ~= "\n"
end

-- Write an entry with those that wait; may_wait: let it wait itself.
local function append(self, text, may_wait)
  text = self.pending .. text
  if may_wait then
    self.pending = text
    return
  end
  self.pending = ""
  local ok, err = write.flushed(self.file, text)
  if not ok then
    self.broken = true
    error({ status = 2, message = ("the journal %s cannot be written: %s; the batch stopped, since without it nobody could "
      .. "say what was sent"):format(self.path, tostring(err)) }, 0)
  end
end

local MARK = "itrigger batch " -- begins the head of each

-- Return whether the file is a journal, or the torn beginning of one.
local function is_journal(text)
  return text:sub(1, #MARK) == MARK:sub(1, #text)
end

local MOST_TRIES = 100

-- Open the file of a journal and lock it. Returns it, its text, and whether it is a regular file and free | nil, err.
local function open_locked(path, tries)
  local file, err = io.open(path, "ab")
  if file == nil then
    return nil, "the journal cannot be opened: " .. err
  end
  local status, is_free = core.file_status(file), core.file_lock(file)
  if not (status.is_regular and is_free) then
    return file, "", status.is_regular, is_free
  end
  local text
  local now, wrong, number = io.open(path, "rb")
  if now then
    if core.file_status(now).id == status.id then
      text, wrong, number = now:read "*a"
    end
    now:close()
  end
  if text then
    return file, text, true, true
  end
  file:close()
  if wrong and number ~= ENOENT then
    return nil, "the journal cannot be read: " .. wrong
  end
  if tries == MOST_TRIES then
    return nil, ("the journal %s is replaced again and again; name another file with --journal"):format(path)
  end
  return open_locked(path, tries + 1) -- the run that had the file removed it at its end, after we had opened it
end

-- Begin a journal, or with resume continue one. head: what tells this run from others. Returns journal | nil, what is
-- wrong.
function journal.open(path, head, resume)
  head = head:gsub("%c", "?") -- a name of a file may have a line end
  local old = io.open(path, "rb")
  if old then
    old:close()
  elseif resume then
    return nil, ("--resume: %s does not exist; nothing was begun, leave --resume out"):format(path)
  end
  local file, text, is_regular, is_free = open_locked(path, 1)
  if file == nil then
    return nil, text
  end
  local self = setmetatable({ file = file, path = path, state = {}, digests = {}, is_new = true, pending = "" }, metatable)
  local err
  local first = text:match "^([^\n]*)\n"
  if not is_regular then
    err = path .. " is not a regular file, so it cannot be the journal"
  elseif not is_free then
    err = ("%s is in use by another run"):format(path)
  elseif not is_journal(text) then
    err = path .. " is not the journal of a batch; name another file with --journal"
  elseif not first and (resume or text ~= "") then
    err = path .. " has not even a whole first line, so nothing was begun: remove it, and leave --resume out"
  elseif first and first ~= head then
    err = ("%s belongs to another run (it says %s, not %s); continue that one, or name another file with --journal"):format(
      path, first, head)
  elseif first and not resume then
    err = path .. " exists: an earlier run did not finish; continue it with --resume, or remove it to send every line again"
  end
  if err then
    file:close()
    return nil, err
  end
  if text == "" then
    append(self, head .. "\n")
  else
    self.is_new = false
    if read(self, text) then
      append(self, TORN .. "\n")
    end
  end
  return self
end

-- Note what became of a line; may_wait: until the next note. Raises if that cannot be written; after that it does nothing.
function methods:note(word, number, hash, may_wait)
  if not self.broken then
    self.is_new = false
    append(self, hash and word .. " " .. number .. " " .. hash .. "\n" or word .. " " .. number .. "\n", may_wait)
  end
end

-- What an earlier run noted of a line: "started", "ok", "failed", "unknown" or nil; and its digest.
function methods:before(number)
  return self.state[number], self.digests[number]
end

-- Close it; is_complete: every line succeeded, so it is removed, as is one without an entry. Returns whether it stays.
function methods:close(is_complete)
  local stays = not (is_complete or self.is_new)
  if not stays then
    os.remove(self.path) -- while it is locked
  end
  local ok, err = write.flushed(self.file, stays and not self.broken and self.pending or "")
  local closed, wrong = self.file:close()
  if stays and not (ok and closed) and not self.broken then
    err = err or wrong
    error({ status = 2, message = ("the journal %s cannot be written: %s"):format(self.path, tostring(err)) }, 0)
  end
  return stays
end

return journal
