-- A finalizer that closed the batch, or batch and client, while a result was being made let C read what was
-- freed, or let the next batch hang. One that raised made a batch spin for ever.
--
-- Each entry runs in a process of its own, whose heap is small, with the n-th finalizer that runs within it
-- closing everything, for one n after the other.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

local preamble = [[
  local core = require "itrigger.core"
  local finalizer = require "spec.support.finalizer"
  local itrigger = require "itrigger"
  local testing = require "itrigger.testing"

  local path, big = os.getenv "SPEC_PATH", os.getenv "SPEC_BIG"
  local client, batch

  local function open(more)
    local options = { token_store = "memory:" }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    client = assert(itrigger.new(options))
    batch = nil
    assert(client:token())
    return client
  end

  local function close()
    if batch then
      batch:close()
    end
    client:close()
  end

  -- Answers of the gateway's own form, without the gateway.
  local function send(request)
    local n = #request.url + #(request.body or "")
    return { status = 200, headers = { ["X-N"] = n, ["X-M"] = 0.5 }, body = '{"code":200,"data":[1,{"a":[]},"' .. n .. '"]}' }
  end
  local watched = { on_call = function(call) local _ = call.path .. "?" end }
  local last_name = 0
  local function next_name()
    last_name = last_name + 1
    return last_name
  end
  local own = { transport = { send = send, sleep = function() end } }

  -- Open a client and run body, again and again until its n-th finalizer acted, for n = 1 to 20. It raises only what it
  -- may. Returns how many were reached.
  local function each(act, options, body)
    local reached = 0
    for n = 1, 20 do
      open(options)
      local acted = false
      local ok, err = finalizer.during(n, function()
        acted = true
        act()
      end, function()
        local turns = 0
        repeat
          body()
          turns = turns + 1
        until acted or turns == 50
      end)
      if not ok and not tostring(err):find("is closed", 1, true) then
        error("after finalizer " .. n .. ": " .. tostring(err), 0)
      end
      client:close()
      reached = reached + (acted and 1 or 0)
    end
    return reached
  end

  local function works()
    open()
    assert(client:get(path))
    local n = 0
    for result in client:batch { { "GET", path }, { "GET", path }, { "GET", path }, { "GET", path } } do
      assert(result.response, result.error)
      n = n + 1
    end
    assert(n == 4, n)
    client:close()
  end
]]

local entries = {
  ["client:get"] = [[client:get(big)]],
  ["client:get, raw"] = [[client:get(big, nil, { raw = true })]],
  ["client:post"] = [[for i = 1, 5 do client:post(path, { { a = {}, b = tostring(i) } }, { headers = { x = i } }) end]],
  ["an error with an answer"] = [[for _ = 1, 5 do client:get("/no/such/path") end]],
  ["client:token"] = [[for _ = 1, 100 do client:token() end]],
  ["client:refresh"] = [[for _ = 1, 3 do client:refresh() end]],
  ["client:stats"] = [[for _ = 1, 20 do client:stats() end]],
  ["client:metrics"] = [[for _ = 1, 5 do client:metrics() end]],
  ["an endpoint"] = [[for i = 1, 5 do client.member.query { mobile = "1888889999" .. i, storeNo = "1" } end]],
  ["an endpoint's rows"] = [[local who = { mobile = "18899888899", storeNo = "1159374785466208256" }
    for row in client.member.point_list:pages(who) do local _ = row end]],
  ["client:define"] = [[for i = 1, 20 do
    client:define { name = "big.x" .. next_name(), method = "GET", path = big, params = { { "a", type = "id" } } } end
    client.big["x" .. last_name] { a = "1" }]],
  ["client:all, told of each call"] = [[client:all { { "GET", big }, { client.member.query, { mobile = "1" } }, { "GET", "?" } }]],
  ["a batch at a rate, told of each call"] = [[
    batch = client:batch({ { "GET", big }, { "POST", path, { {} } }, { "GET", big } }, { rate = 1e6 })
    for result in batch do local _ = tostring(result.error) end]],
  ["encode and decode"] = [[for i = 1, 30 do
    local value = assert(itrigger.decode('{"a":[],"b":[1,2.5,{"c":"x"}],"n":' .. i .. ",\"big\":226529926389059299}"))
    value.d = { { i, "x" }, value.a }
    assert(itrigger.encode(value)) end]],
  ["a client for tests"] = [[local fake = testing.client { ["member.query"] = { data = { realName = "x" } } }
    for i = 1, 5 do fake.member.query { mobile = "1888889999" .. i, storeNo = "1" } end]],
  ["tostring"] = [[for _ = 1, 300 do tostring(client) end]],
  ["a batch"] = [[batch = client:batch { { "GET", big }, { "POST", path, { {} } }, { "GET", big, { a = 1 } }, { "GET", "?" } }
    for result in batch do local _ = tostring(result.error) end]],
  ["a batch that is closed"] = [[batch = client:batch { { "GET", big }, { "GET", big }, { "GET", big }, concurrency = 3 }
    batch:next() for _ = 1, 50 do batch:close() end]],
  ["pages"] = [[for row in client:pages(big) do local _ = row end]],
  ["a call over a transport of the program's own"] = [[for i = 1, 10 do client:get("/x", { i = i }) end]],
  ["a batch over a transport of the program's own"] = [[local i = 0
    batch = client:batch(function() i = i + 1 if i <= 20 then return { "POST", "/x", { i = i } } end end)
    for result in batch do local _ = tostring(result.error) end]],
  ["a group on the loop's side"] = [[
    assert(core.notifier "fd")
    for id = 1, 5 do
      local group, err = core.group(client, id, true)
      if not group then error(tostring(err), 0) end
      batch = { close = function() core.cancel(group) end }
      local ok
      ok, err = core.start(group, 1, false, big)
      if not ok then error(tostring(err), 0) end
      local slot
      repeat
        slot, _, err = core.look(group)
        core.ready(client)
        core.pump(client)
      until slot ~= nil
      if slot == false then error(tostring(err), 0) end
    end]],
  ["a question for the token"] = [[for _ = 1, 50 do
    local ask, err = core.ask(client, { timeout = 5 }, false)
    if not ask then error(tostring(err), 0) end
    repeat local token, why = core.asked(ask, false) until token or why end]],
}

describe("a finalizer in the middle of", function()
  local sb = fixture.sandbox()
  local environment

  before_each(function()
    local id, secret = face.app(sb)
    local rows = {}
    for i = 1, 100 do
      rows[i] = ('{"id":%d,"name":"member %d","points":[1,2.5,{"a":"\\u4f1a\\u5458"}]}'):format(i, i)
    end
    sb:answer { path = face.api .. "/big", times = 100000, body = '{"code":200,"pageNum":1,"pageCount":1,"data":['
      .. table.concat(rows, ",") .. "]}" }
    environment = {
      ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway,
      SPEC_PATH = face.echo_get, SPEC_BIG = face.api .. "/big",
    }
  end)

  local function runs(text)
    local output, status = face.run(preamble .. text, environment)
    assert.equal("0", tostring(status), output)
    return tonumber(output:match("reached (%d+)\n$"))
  end

  for name, body in pairs(entries) do
    it(name .. " may close everything", function()
      local options = name:find "own" and "own" or name:find "told" and "watched" or "{ min_refresh_interval = 0 }"
      local n = runs("local n = each(close, " .. options .. ", function() " .. body .. " end) works() print('reached ' .. n)")
      assert.is_true(n > 0 or name:find("token") ~= nil or name:find("refresh") ~= nil) -- these hardly allocate
    end)
  end

  it("a batch may close the batch alone", function()
    runs("local n = each(function() if batch then batch:close() end end, nil, function() " .. entries["a batch"]
      .. " end) works() print('reached ' .. n)")
  end)

  it("a batch may call, and start another batch", function()
    runs([[local function act()
        client:get(path)
        for _ in client:batch { { "GET", path }, { "GET", path } } do end
      end
      local n = each(act, nil, function() ]] .. entries["a batch"] .. [[ end) works() print("reached " .. n)]])
  end)

  it("a batch may raise: no result is lost and the batch ends", function()
    runs([[local asked = { { "GET", big, tag = 1 }, { "GET", big, tag = 2 }, { "GET", big, tag = 3 } }
      local n = 0
      for at = 1, 40 do
        local seen, raised, over = {}, 0, false
        open()
        batch = client:batch(asked)
        local ok = finalizer.during(at, function()
          n = n + 1
          error("from a finalizer", 0)
        end, function()
          for _ = 1, 10 do
            local ok, result = pcall(batch.next, batch)
            if not ok then
              raised = raised + 1
              assert(tostring(result):find "from a finalizer", result)
            elseif result == nil then
              over = true
              break
            else
              assert(result.response, result.error)
              seen[#seen + 1] = result.tag
            end
          end
        end)
        assert(over or not ok, "the batch does not end") -- or it was raised outside of the steps
        assert(#seen == 3 or raised > 0 or not ok, "a result is lost")
        client:close()
      end
      works()
      print("reached " .. n)]])
  end)
end)
