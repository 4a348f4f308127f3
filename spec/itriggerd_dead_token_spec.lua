-- itriggerd gives out no token for long that the gateway has ended, whoever ended it.
local face = require "spec.support.face"
local itriggerd = require "spec.support.itriggerd"
local redis = require "spec.support.redis"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd", function()
  local f = itriggerd.fixture()

  local function drop_in(d)
    return d:get(("%s?appId=%s&appSecret=%s"):format(itriggerd.vendor, f.place.app_id, itriggerd.key), nil, false)
      .json.data.accessToken
  end

  describe("on Redis", function()
    if redis.missing() then
      pending(redis.missing())
      return
    end

    local server

    before_each(function()
      server = redis.start()
    end)

    after_each(function()
      server:remove()
    end)

    it("gives the token that another itriggerd fetched, after three refreshes and a report", function()
      local more = { server = { token_store = server.address }, app = { min_refresh_interval = 0, check_interval = 0 } }
      local a, b = f.place:start(more), f.place:start(more)
      a:await "token app=one"
      b:await "token app=one"
      local fence = f.granted(a:get(f.token_path)).fence
      for i = 1, 4 do
        local body = i == 4 and ('{"refused":%d}'):format(fence) or "{}"
        local fresh = f.granted(a:post(f.refresh_path, body))
        assert.is_true(fresh.fence > fence)
        local heard = f.granted(b:get(f.token_path .. ("?newer_than=%d&wait=10"):format(fence)))
        assert.equal(fresh.accessToken, heard.accessToken)
        assert.equal(fresh.accessToken, drop_in(b))
        assert.is_true(f:is_good(heard.accessToken))
        fence = fresh.fence
      end
      assert.equal(5, f:fetches())
      assert.equal(5, b:metric 'itrigger_fetches_today{app="one"}')
    end)

    it("gives it without having been asked for a newer one", function()
      local more = { server = { token_store = server.address }, app = { min_refresh_interval = 0, check_interval = 0 } }
      local a, b = f.place:start(more), f.place:start(more)
      a:await "token app=one"
      b:await "token app=one"
      local fresh = f.granted(a:post(f.refresh_path, "{}"))
      b:await "token app=one"
      assert.equal(fresh.accessToken, f.granted(b:get(f.token_path)).accessToken)
    end)

    it("goes on while Redis is away, and says so, and when the reason is another one", function()
      local d = f.place:start { server = { token_store = server.address } }
      d:await "token app=one"
      server:signal "STOP"
      d:await "no answer within 1000 ms"
      server:signal "KILL"
      d:await "warning store: "
      assert.equal(200, d:get(f.token_path).status)
      assert.equal(0, d:metric("itrigger_store_ok") or 0)
      server:start()
      d:await "the token store can be read again"
    end)
  end)

  it("gives a drop-in program that comes back a token that is good", function()
    local d = f.place:start()
    d:await "token app=one"
    local first = drop_in(d)
    f:fetch_past_it()
    assert.is_false(f:is_good(first))
    local second = drop_in(d) -- the gateway rejected the first; all it can do is ask again
    assert.not_equal(first, second)
    assert.is_true(f:is_good(second))
  end)

  it("gives a drop-in program that asks before each call its token, and asks the gateway seldom", function()
    local d = f.place:start()
    d:await "token app=one"
    local first = drop_in(d)
    for _ = 1, 20 do
      assert.equal(first, drop_in(d))
    end
    assert.equal(1, f:fetches())
    assert.is_true(f.sb:state().requests <= 5)
  end)

  it("checks each app's token, also where the checks of another one hang all the time", function()
    local id, secret = face.app(f.sb)
    local d = f.place:start { app = { check_interval = 1 }, client = { apps = "*" },
      text = ("[app two]\napp_id = %s\napp_secret_file = %s\ngateway = %s\ncheck_interval = 1\nconnect_timeout = 4\n")
        :format(id, f.place:write("two", secret .. "\n"), f.sb.gateway) }
    f.sb:fault { kind = "hold", path = "/itrigger-tenant/v1/basic/openAPItest/", share = 1 }
    d:eventually("both are checked", function()
      local one = d:metric 'itrigger_token_checks_total{app="one",result="failed"}'
      local two = d:metric 'itrigger_token_checks_total{app="two",result="failed"}'
      return one > 0 and two > 0, one .. " and " .. two
    end)
  end)

  it("checks its token at the gateway in time, and is not ready while that refuses it", function()
    local path = f.place.dir .. "/token"
    local d = f.place:start { app = { check_interval = 1, token_file = path } }
    d:await "token app=one"
    f:fetch_past_it()
    f.sb:fault { kind = "hold", path = "token", times = 1 }
    d:await "warning check app=one: the gateway rejects the token"
    assert.equal(503, d:get("/readyz").status)
    assert.equal(0, d:metric 'itrigger_ready{app="one"}')
    assert.equal(1, d:metric 'itrigger_token_refused{app="one"}')
    f.sb:release {}
    d:await "token app=one"
    assert.equal(200, d:get("/readyz").status)
    local token = f.granted(d:get(f.token_path)).accessToken
    assert.is_true(f:is_good(token))
    assert.equal(token .. "\n", f.place:read "token")
  end)

  it("checks nothing with check_interval = 0", function()
    local d = f.place:start { app = { check_interval = 0 } }
    d:await "token app=one"
    local before = f.sb:state().requests
    assert.equal(drop_in(d), drop_in(d))
    assert.equal(before, f.sb:state().requests)
  end)

  it("answers a report of a fence that was never there with its token, and fetches nothing", function()
    local d = f.place:start { app = { min_refresh_interval = 0 } }
    d:await "token app=one"
    local first = f.granted(d:get(f.token_path))
    assert.equal(first.fence, f.granted(d:post(f.refresh_path, '{"refused":9000000000000000000}')).fence)
    assert.equal(1, f:fetches())
    assert.equal(1, d:metric 'itrigger_refusals_total{app="one"}')
  end)

  it("lets no client spend what of the day's limit the others need", function()
    local d = f.place:start { app = { min_refresh_interval = 0, daily_limit = 21, check_interval = 0 } }
    d:await "token app=one"
    for _ = 1, 10 do
      assert.equal(200, d:post(f.refresh_path, "{}").status)
    end
    assert.equal(2, f:fetches()) -- the first, and the client's share
    assert.equal(9, d:metric 'itrigger_refreshes_saved_total{app="one"}')
    local held = f.granted(d:get(f.token_path))
    local after = f.granted(d:post(f.refresh_path, ('{"refused":%d}'):format(held.fence)))
    assert.is_true(after.fence > held.fence)
  end)

  it("has a budget for each client", function()
    local text = ("[client b]\nkey_file = %s\napps = one\n"):format(f.place:write("b", "key-of-b-0123456789abcdef\n"))
    local d = f.place:start { app = { min_refresh_interval = 0, daily_limit = 24, check_interval = 0 }, text = text }
    d:await "token app=one"
    for _ = 1, 5 do
      assert.equal(200, d:post(f.refresh_path, "{}").status)
    end
    assert.equal(3, f:fetches()) -- the first, and half of what the timer's own and a few refusals leave
    assert.equal(200, d:post(f.refresh_path, "{}", "key-of-b-0123456789abcdef").status)
    assert.equal(4, f:fetches())
  end)

  it("keeps the budgets over a reload, wherever a client is in the file then", function()
    local function client(name)
      return ("[client %s]\nkey_file = %s\napps = one\n"):format(name, f.place:write(name, "key-of-" .. name .. "-0123456789abcdef\n"))
    end
    local app = { min_refresh_interval = 0, daily_limit = 24, check_interval = 0 } -- a share is two fetches
    local a, b = client "a", client "b"
    local d = f.place:start { app = app, text = a }
    d:await "token app=one"
    local function spend(name)
      local before = f:fetches()
      for _ = 1, 3 do
        assert.equal(200, d:post(f.refresh_path, "{}", "key-of-" .. name .. "-0123456789abcdef").status)
      end
      return f:fetches() - before
    end
    assert.equal(2, spend "a")
    f.place:write("itriggerd.ini", f.place:config { app = app, text = b .. a }) -- b is where a was
    d:signal "HUP"
    d:await "reload: done"
    assert.same({ 0, 2 }, { spend "a", spend "b" })
  end)

  describe("keeps token_file", function()
    it("after it was deleted", function()
      local path = f.place.dir .. "/token"
      local d = f.place:start { app = { token_file = path } }
      d:await "token app=one"
      d:eventually("the file is there", function() -- it is written a moment after that line
        return os.remove(path)
      end)
      d:await("info token_file app=one: " .. path .. " is written again")
      assert.equal(f.granted(d:get(f.token_path)).accessToken .. "\n", f.place:read "token")
    end)

    it("not ready while it cannot be written, and writes it as soon as it can", function()
      itriggerd.shell("mkdir " .. f.place.dir .. "/files")
      local path = f.place.dir .. "/files/token"
      local d = f.place:start { app = { token_file = path } }
      d:await "token app=one"
      assert.equal(200, d:get("/readyz").status)
      itriggerd.shell("mv " .. f.place.dir .. "/files " .. f.place.dir .. "/away")
      d:await "warning token_file app=one"
      assert.equal(503, d:get("/readyz").status)
      assert.equal(0, d:metric 'itrigger_token_file_ok{app="one"}')
      f.place:write("files", "in the directory's place")
      d:await "warning token_file app=one" -- another reason
      itriggerd.shell(("rm %s/files; mkdir %s/files"):format(f.place.dir, f.place.dir))
      d:await "is written again"
      assert.equal(200, d:get("/readyz").status)
      assert.equal(f.granted(d:get(f.token_path)).accessToken .. "\n", f.place:read "files/token")
    end)

    it("from overwriting another program's file", function()
      local path = f.place.dir .. "/token"
      local d = f.place:start { app = { token_file = path } }
      d:await "token app=one"
      f.place:write("another", "precious\n")
      itriggerd.shell(("mv %s/another %s"):format(f.place.dir, path))
      d:await "itriggerd did not write it"
      assert.equal("precious\n", f.place:read "token")
    end)
  end)
end)
