-- client:metrics(): what Prometheus reads of a client, and itrigger.counts, the sums of several processes.

local core = require "itrigger.core"
local counts = require "itrigger.counts"
local decimal_comma = require "spec.support.decimal_comma"
local errors = require "itrigger.errors"
local exposition = require "spec.support.exposition"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"
local needs = require "spec.support.needs"

local query = face.api .. "/member/query"

-- The samples, all of which have the label app, by their text without it; and the type of each family.
local function read(text)
  local samples, types = exposition.read(text)
  local short = {}
  for sample, value in pairs(samples) do
    local name, labels = sample:match('^([%l_]+){app="[^"]*",?(.*)}$')
    short[assert(name, sample) .. (labels ~= "" and "{" .. labels .. "}" or "")] = value
  end
  return short, types
end

-- A dictionary as nginx's, for one process.
local function dictionary()
  local values = {}
  return {
    values = values,
    incr = function(_, key, by, initial) values[key] = (values[key] or initial) + by end,
    get = function(_, key) return values[key] end,
  }
end

describe("client:metrics", function()
  local client
  local sb = fixture.client(function(made)
    client = made
  end, { token_store = "memory:", daily_limit = 50 })

  it("has the calls by outcome, from the start with 0", function()
    local before = read(client:metrics())
    for kind in pairs(errors.kinds) do
      assert.equal(0, before['itrigger_calls_total{outcome="' .. kind .. '"}'])
    end
    assert.equal(0, before['itrigger_calls_total{outcome="ok"}'])
    assert(client:get(query, face.member))
    client:get("no path")
    client.member.query {}
    client:get(query, { mobile = "13000000000", storeNo = "1" })
    client:all { { "GET", query, face.member }, { "PUT", query } }
    sb:fault { kind = "close", path = "api" }
    client:post(face.echo_post)
    local now = read(client:metrics())
    for outcome, n in pairs { ok = 2, usage = 3, api = 1, network = 1, timeout = 0 } do
      assert.equal(n, now['itrigger_calls_total{outcome="' .. outcome .. '"}'], outcome)
    end
    assert.equal(4, now.itrigger_call_duration_seconds_count)
    assert.equal(4, now.itrigger_call_requests_total)
  end)

  it("has a histogram of the durations, in cumulative buckets", function()
    local sum = 0
    for _ = 1, 10 do
      sum = sum + client:get(query, face.member).elapsed
    end
    local now = read(client:metrics())
    local last = 0
    for _, bound in ipairs(core.call_bounds) do
      local n = now[('itrigger_call_duration_seconds_bucket{le="%.14g"}'):format(bound)]
      assert.is_true(n >= last, bound)
      last = n
    end
    assert.equal(10, now['itrigger_call_duration_seconds_bucket{le="+Inf"}'])
    assert.equal(10, now.itrigger_call_duration_seconds_count)
    assert.is_true(math.abs(sum - now.itrigger_call_duration_seconds_sum) < 2e-6)
  end)

  it("has what is known of the token, and its rejections", function()
    local none = read(client:metrics())
    assert.is_nil(none.itrigger_token_age_seconds)
    assert.equal(0, none.itrigger_fetches_total)
    assert(client:get(query, face.member))
    sb:token { revoke = true }
    assert(client:get(query, face.member))
    local now = read(client:metrics())
    assert.equal(1, now.itrigger_call_refusals_total)
    assert.equal(3, now.itrigger_call_requests_total)
    assert.equal(2, now.itrigger_fetches_total)
    assert.equal(2, now.itrigger_fetches_today)
    assert.equal(50, now.itrigger_daily_limit)
    assert.equal(0, now.itrigger_waiters)
    assert.is_true(now.itrigger_token_age_seconds >= 0)
    assert.is_true(now.itrigger_token_remaining_seconds > now.itrigger_token_refresh_seconds)
  end)

  it("has the names of the reference", function()
    assert(client:get(query, face.member))
    local _, types = read(client:metrics())
    local written, file = {}, assert(io.open "docs/reference.md")
    for line in file:lines() do
      local names, kind = line:match "^| (`itrigger_[^|]*) | (%l+) |"
      for name in (names or ""):gmatch "`(itrigger_[%l_]+)" do
        written[name] = kind
      end
    end
    file:close()
    assert.same(written, types)
  end)

  it("has the types and meanings that itriggerd gives the same names", function()
    local _, types = read(client:metrics())
    local pipe = io.popen "cat src/itriggerd/*.c"
    local daemon = pipe:read("*a")
    pipe:close()
    local shared = 0
    for name, kind in pairs(types) do
      local of_daemon = daemon:match('{"' .. name .. '", "(%l+)"')
      shared = shared + (of_daemon and 1 or 0)
      assert.equal(of_daemon or kind, kind, name)
      if not of_daemon then
        assert.is_nil(daemon:find('"' .. name .. '"', 1, true), name)
      end
    end
    assert.is_true(shared >= 4)
  end)

  it("is what promtool finds right", function()
    local lacks = needs.program("promtool", "prometheus")
    if lacks then
      pending(lacks)
      return
    end
    local odd = assert(itrigger.new { app_id = 'a"b\\c{}=中', app_secret = "s", gateway = sb.gateway, token_store = "memory:" })
    assert(client:get(query, face.member))
    local dict = dictionary()
    for _, text in ipairs { client:metrics(), odd:metrics(), client:metrics(counts.shared(dict)) } do
      local name = os.tmpname()
      local file = assert(io.open(name, "w"))
      file:write(text)
      file:close()
      local pipe = assert(io.popen("promtool check metrics <" .. name .. " 2>&1; echo \"exit $?\""))
      assert.equal("exit 0\n", pipe:read "*a", text)
      pipe:close()
      os.remove(name)
    end
    odd:close()
  end)

  it("shows no secret", function()
    assert(client:get(query, face.member))
    local text = client:metrics()
    assert.is_nil(text:find(assert(client:token()), 1, true))
    assert.is_nil(text:find("secret-of-app", 1, true))
    assert.is_nil(text:find(face.member.mobile, 1, true))
  end)

  it("has decimal points whatever the locale says", function()
    local lacks = needs.file("/usr/share/i18n/locales/de_DE", "locales")
    if lacks then
      pending(lacks)
      return
    end
    local said = decimal_comma.run [[
      local metrics = require "itrigger.metrics"
      assert(os.setlocale("de_DE.UTF-8", "numeric"))
      local none = setmetatable({}, { __index = function() return 0 end })
      local text = metrics.text({ app = "a", outcomes = none, buckets = { 1 }, elapsed = 0.25, requests = 1, refused = 0 }, {})
      print(text:match 'le="(.-)"' .. " " .. text:match '_sum{app="a"} (%S+)' .. " ")
    ]]
    assert.equal("0.001 0.250000 \n", said)
  end)

  it("returns an error once the client is closed, and raises for a wrong argument", function()
    assert.has_error(function()
      client:metrics {}
    end)
    client:close()
    local text, err = client:metrics()
    assert.is_nil(text)
    assert.equal("the client is closed", err.message)
  end)

  it("is there for the default client", function()
    assert(itrigger.configure(face.options(sb, { token_store = "memory:" })))
    assert(itrigger.get(query, face.member))
    assert.equal(1, read(itrigger.metrics())['itrigger_calls_total{outcome="ok"}'])
    itrigger.close()
  end)
end)

describe("itrigger.counts", function()
  local sb = fixture.sandbox()

  it("adds up what several clients count, as each of them counts it", function()
    local dict = dictionary()
    local shared = counts.shared(dict)
    local sums
    for _ = 1, 2 do
      local client = face.client(sb, { token_store = "memory:", on_call = shared.on_call })
      assert(client:get(query, face.member))
      client:get("no path")
      sb:token { revoke = true }
      client:all { { "GET", query, face.member }, { "GET", query, {} } }
      local own = core.counts(client)
      sums = sums or own
      if sums ~= own then
        for _, of in ipairs { "outcomes", "buckets" } do
          for name, n in pairs(own[of]) do
            sums[of][name] = sums[of][name] + n
          end
        end
        for _, name in ipairs { "elapsed", "requests", "refused" } do
          sums[name] = sums[name] + own[name]
        end
      end
      local before = read(client:metrics())
      local text = read(client:metrics(shared))
      assert.is_nil(text.itrigger_fetches_total)
      assert.equal(before.itrigger_fetches_today, text.itrigger_fetches_today)
      assert.equal(shared.read().outcomes.ok, text['itrigger_calls_total{outcome="ok"}'])
      client:close()
    end
    local read_back = shared.read()
    assert.is_true(math.abs(sums.elapsed - read_back.elapsed) < 1e-9)
    assert.equal(2, read_back.outcomes.usage)
    assert.is_true(read_back.refused > 0)
    sums.elapsed, read_back.elapsed, sums.app = nil, nil, nil
    assert.same(sums, read_back)
  end)

  it("of another name are beside the others in one dictionary", function()
    local dict = dictionary()
    local one, two = counts.shared(dict, "one"), counts.shared(dict, "two")
    one.on_call { elapsed = 0.5, attempts = 1, refused = 0 }
    two.on_call { kind = "timeout", elapsed = 99, attempts = 3, refused = 1 }
    assert.equal(1, one.read().outcomes.ok)
    assert.equal(0, two.read().outcomes.ok)
    assert.equal(1, two.read().buckets[#core.call_bounds + 1])
    for key in pairs(dict.values) do
      assert.is_truthy(key:find "^one:" or key:find "^two:", key)
    end
  end)

  it("count a duration that is a bound below it, as the client does", function()
    local shared = counts.shared(dictionary())
    for _, bound in ipairs(core.call_bounds) do
      shared.on_call { elapsed = bound, attempts = 1, refused = 0 }
    end
    local buckets = shared.read().buckets
    for i = 1, #core.call_bounds do
      assert.equal(1, buckets[i])
    end
    assert.equal(0, buckets[#core.call_bounds + 1])
  end)

  it("raises for what is no dictionary", function()
    for _, wrong in ipairs { 1, "x", true } do
      local ok, err = pcall(counts.shared, wrong)
      assert.is_false(ok)
      assert.truthy(err:find("bad argument 'dict' to 'shared' (a shared dictionary", 1, true), err)
    end
    assert.is_false(pcall(counts.shared))
  end)
end)
