-- `itrigger batch FILE`: one call for each line of a file of JSON objects, many at once. A journal beside the file says
-- what was started and what came of it, so that --resume repeats no line that succeeded, and none that may have been
-- executed.

local core = require "itrigger.core"
local exit = require "itrigger.cli.exit"
local journals = require "itrigger.cli.journal"
local json = require "itrigger.json"
local later = require "itrigger.later"
local settings = require "itrigger.cli.settings"
local target = require "itrigger.cli.target"
local terminal = require "itrigger.cli.terminal"
local write = require "itrigger.cli.write"

local clock, decode, digest, floor = core.monotonic_s, core.json_decode, core.digest, math.floor
local batch = {}

-- ---- progress ----

local function duration(seconds)
  if seconds >= 3600 then
    return ("%.0f:%02.0f:%02.0f"):format(floor(seconds / 3600), floor(seconds / 60 % 60), floor(seconds % 60))
  end
  return ("%.0f:%02.0f"):format(floor(seconds / 60), floor(seconds % 60))
end

local function summary(counts, began)
  local seconds = math.max(clock() - began, 0.001)
  local done = counts.ok + counts.failed + counts.unknown
  return ("%d done: %d ok, %d failed, %d unknown, %d skipped; %.0f/s, %s"):format(done, counts.ok, counts.failed,
    counts.unknown, counts.skipped, done / seconds, duration(seconds))
end

local BAR = 24 -- columns
local CLEAR = "\r\27[K"
local ONE_LINE, WRAPPED = "\27[?7l", "\27[?7h" -- on a narrow terminal the bar ends at the edge

local function bar_of(counts, total, seconds)
  local done = counts.ok + counts.failed + counts.unknown + counts.skipped
  local filled = total > 0 and floor(math.min(done / total, 1) * BAR) or 0
  local rate = done / math.max(seconds, 0.001)
  local left = rate > 0 and total > 0 and duration(math.max(total - done, 0) / rate) or "?"
  return ("[%s%s] %d/%s  %.0f/s  %d failed  left %s"):format(("#"):rep(filled), ("."):rep(BAR - filled), done,
    total > 0 and tostring(total) or "?", rate, counts.failed + counts.unknown, left)
end

local function has_bar()
  return terminal.is_tty(2) and os.getenv "TERM" ~= "dumb"
end

-- Shows progress on standard error: a bar on a terminal, a line each minute elsewhere. Returns the function that shows it
-- (final: the summary), and the text that clears the bar.
local function progress(counts, total)
  local is_bar = has_bar()
  local began, last = clock(), clock()
  local clear = is_bar and CLEAR or ""
  return function(final)
    local now = clock()
    if final then
      io.stderr:write(clear, "itrigger batch: ", summary(counts, began), "\n")
    elseif now - last >= (is_bar and 0.1 or 60) then
      last = now
      if is_bar then
        io.stderr:write(CLEAR, ONE_LINE, bar_of(counts, total, now - began), WRAPPED)
      else
        io.stderr:write("itrigger batch: ", summary(counts, began), "\n")
      end
    end
  end, clear
end

-- ---- files ----

-- The number of lines of a file. Raises what cannot be read.
local function count_lines(path)
  local n = 0
  for _ in io.lines(path) do
    n = n + 1
  end
  return n
end

local function is_directory(file)
  local text, err = file:read(0)
  return text == nil and err ~= nil
end

local function id_of(file)
  return core.file_status(file).id
end

-- Open what the run reads and writes. Returns { input, journal, failed, total } | nil, what is wrong.
local function open_files(o)
  local is_standard, files, err = o.input == "-", { total = 0 }
  if is_standard and o.resume and not o.journal then
    return nil, "--resume with standard input needs --journal FILE"
  elseif is_standard then
    files.input = io.stdin
  else
    files.input, err = io.open(o.input, "rb")
    if files.input == nil then
      return nil, err
    end
    if core.file_status(files.input).is_regular then
      files.total = has_bar() and count_lines(o.input) or 0
    elseif is_directory(files.input) then
      return nil, o.input .. ": is a directory"
    end
  end
  local path = o.journal or not is_standard and o.input .. ".journal"
  if path then
    files.journal, err = journals.open(path, ("itrigger batch %s: %s"):format(o.input, o.name), o.resume)
    if files.journal == nil then
      return nil, err
    end
  end
  if o.failed then
    files.failed, err = io.open(o.failed, "ab") -- nothing is lost yet: it may be one of the others
    local id = files.failed and id_of(files.failed)
    if id and (id == id_of(files.input) or files.journal and id == id_of(files.journal.file)) then
      err = ("--failed %s is the input or the journal; name another file"):format(o.failed)
    elseif id then
      files.failed:close()
      files.failed, err = io.open(o.failed, "wb")
    end
    if err then
      if files.journal then
        files.journal:close()
      end
      return nil, err
    end
  end
  return files
end

-- ---- lines ----

-- What was not executed may be sent again; of what may have been, only somebody who looks can say.
local function word_of(result)
  if result.response then
    return "ok"
  end
  local err = result.error
  local executed = not (err.retryable or err.kind == "usage" or err.kind == "api" or err.kind == "config"
    or err.kind == "token" or err.kind == "quota" or err.kind == "store")
  return executed and "unknown" or "failed"
end

-- A line that did not succeed, as JSON; the line itself as text if it is no JSON that can be read.
local function report_of(line_number, text, word, why)
  local report = { line = line_number, outcome = word, error = why, request = text }
  local value = json.decode(text, { null = "keep" })
  if type(value) == "table" then
    report.request = value
  end
  local line = json.encode(report)
  if line == nil then -- it is not UTF-8
    report.request = terminal.safe(text):gsub("[\128-\255]", "?")
    line = json.encode(report)
  end
  return line
end

local EARLIER = {
  started = "an earlier run ended while this line was in flight",
  unknown = "an earlier run could not tell whether this line was executed",
}

local function report(self, line)
  if self.failed == nil then
    io.stderr:write(self.clear, terminal.safe(line), "\n")
  elseif not self.failed_broken then
    local ok, err = write.flushed(self.failed, line .. "\n")
    if not ok then
      self.failed_broken = true
      error({ status = 2, message = ("--failed %s cannot be written: %s; the batch stopped"):format(self.failed_path, err) }, 0)
    end
  end
end

-- Note, report and count what became of a line. The journal comes first: by it the line is sent again or not.
local function tell(self, number, text, word, why)
  if self.journal then
    self.journal:note(word, number, nil, not self.is_at_end)
  end
  if word ~= "ok" then
    report(self, report_of(number, text, word, why))
  end
  self.counts[word] = self.counts[word] + 1
  self.show()
end

-- Keep a line while it is in flight, in a place that is used again: a table whose keys only grow would be made anew for
-- each line. Returns it as { number =, text =, place = }, with word = and why = once there is a result.
local function enter(self, number, text)
  local places = self.free_places
  local place = places[#places]
  places[#places] = nil
  local line = { number = number, text = text, place = place or #self.in_flight + 1 }
  self.in_flight[line.place] = line
  return line
end

local function leave(self, line)
  local places = self.free_places
  self.in_flight[line.place] = false
  places[#places + 1] = line.place
end

-- Return the request of a line, noted as started; nil if the line is wrong.
local function request_of(self, number, line)
  local text = number == 1 and line:gsub("^\239\187\191", "") or line -- the mark that Windows editors put before UTF-8
  local params, wrong = decode(text, true)
  if type(params) ~= "table" then
    tell(self, number, line, "failed", wrong and wrong.message or "not a JSON object")
    return nil
  end
  if self.journal then
    self.journal:note("started", number, digest(line))
  end
  return self.make_request(params, enter(self, number, line))
end

local function read_line(self)
  local line, err = self.input:read "*l"
  if err then
    error({ status = 2, message = ("%s cannot be read: %s; the batch stopped"):format(
      self.input == io.stdin and "standard input" or self.input_name, err) }, 0)
  end
  return line
end

-- Return the next line that is to be sent, as a request; nil at the end.
local function pull(self)
  for line in read_line, self do
    local number = self.number + 1
    self.number = number
    local before, sent
    if self.journal then
      before, sent = self.journal:before(number)
    end
    if sent and before ~= "failed" and sent ~= digest(line) then
      error({ status = 2, message = ("line %.0f of %s is not the line that was sent as number %.0f: it was changed, or lines "
        .. "were added or removed before it; restore the file, or remove the journal %s and send what is left as a file of its own"):format(
        number, self.input_name, number, self.journal.path) }, 0)
    elseif EARLIER[before] then
      tell(self, number, line, "unknown", EARLIER[before])
    elseif before == "ok" or not line:find "%S" then
      self.counts.skipped = self.counts.skipped + 1
    else
      local request = request_of(self, number, line)
      if request then
        return request
      end
    end
  end
  self.is_at_end = true
end

-- Tell of the lines that were in flight when the run ended early, and of one whose result could not be noted or reported.
-- left: those that the library says were sent; was_interrupted: a result may have been lost on its way, so none is known not
-- to be executed.
local function tell_left(self, left, was_interrupted)
  local sent, lines = {}, {}
  for _, one in ipairs(left) do
    sent[one.tag] = true
  end
  for _, line in ipairs(self.in_flight) do
    lines[#lines + 1] = line or nil
  end
  table.sort(lines, function(a, b)
    return a.number < b.number
  end)
  for _, line in ipairs(lines) do
    if line.word then
      tell(self, line.number, line.text, line.word, line.why)
    elseif sent[line] or was_interrupted then
      tell(self, line.number, line.text, "unknown", "the run ended while this line was in flight")
    else
      tell(self, line.number, line.text, "failed", "the run ended before this line was sent")
    end
    leave(self, line)
  end
end

local function is_interrupt(wrong)
  return type(wrong) == "string" and wrong:find "interrupted!" ~= nil
end

-- Make the calls. Returns true | false, what ended the run early.
local function work(self, client, opts)
  local running
  local ok, wrong = pcall(function()
    running = client:batch(function()
      return pull(self)
    end, opts)
    for result in running do
      local line = result.tag
      line.word, line.why = word_of(result), result.error and tostring(result.error)
      tell(self, line.number, line.text, line.word, line.why)
      leave(self, line)
    end
  end)
  if not ok and running then
    local left = running:close()
    local told = pcall(tell_left, self, left, is_interrupt(wrong))
    if not told then -- a file is full: tell the rest without it
      pcall(tell_left, self, left, is_interrupt(wrong))
    end
  end
  return ok, wrong
end

-- Run a batch. o: client, input (path or "-"), request(params, tag) → a request of client:batch, name (what is called, where
-- and as whom: a journal belongs to that), concurrency, rate, failed (path or nil), resume, journal (path or nil). Returns
-- counts | nil, what is wrong. Raises what ends it early, after everything was noted.
function batch.run(o)
  local files, err = open_files(o)
  if files == nil then
    return nil, err
  end
  local counts = { ok = 0, failed = 0, unknown = 0, skipped = 0 }
  local show, clear = progress(counts, files.total)
  local self = {
    input = files.input, input_name = o.input, make_request = o.request, journal = files.journal, failed = files.failed,
    failed_path = o.failed, counts = counts, show = show, clear = clear,
    number = 0,
    in_flight = {}, free_places = {}, -- lines by their places; false: a free one
  }
  local ok, wrong = work(self, o.client, { concurrency = o.concurrency, rate = o.rate })
  show(true)
  if files.failed then
    files.failed:close()
  end
  if files.journal and files.journal:close(ok and counts.failed == 0 and counts.unknown == 0) then
    io.stderr:write("itrigger batch: what came of each line is in ", files.journal.path, "; --resume sends the lines that failed and those "
      .. "that were not reached, never those that are unknown\n")
  end
  if not ok then
    error(wrong, 0)
  end
  return counts
end

-- `itrigger batch FILE --to TARGET`. Returns the exit status.
function batch.command(args)
  local is_post, path, e = target.read(args.to)
  local ok, wrong = pcall(later.requests.check, "batch", {}, { concurrency = args.concurrency, rate = args.rate })
  if not ok then
    exit.stop(2, "--%s", wrong:match "%((.*)%)")
  end
  local client = settings.open(args)
  local handle = e and client[e.group][e.short]
  local method, check = is_post and "POST" or "GET", settings.check_of(args)
  local _, values = settings.describe(args)
  local counts, err = batch.run {
    client = client, input = args.file,
    name = ("%s at %s as %s"):format(args.to, values.gateway, values.app_id), concurrency = args.concurrency, rate = args.rate,
    failed = args.failed, resume = args.resume, journal = args.journal,
    request = function(params, tag)
      if handle then
        return { handle, params, tag = tag, check = check }
      end
      return { method, path, params, tag = tag }
    end,
  }
  client:close()
  exit.unless(counts, err)
  return counts.failed + counts.unknown == 0 and 0 or 1
end

return batch
