rockspec_format = "3.0"
package = "itrigger"
version = "scm-1"
source = {
  url = "git+https://itrigger-lua.invalid/itrigger.git",
}
description = {
  summary = "Client of the iTrigger OpenAPI that looks after the access token",
  detailed = [[
    itrigger.get(path, params) and itrigger.post(path, body), with Lua tables in and out. Obtains, refreshes and shares
    the access token, between processes and machines, so that callers never see it.]],
  license = "MIT",
}
dependencies = {
  "lua >= 5.1, < 5.6",
}
-- A `header` here would fail where headers lie in a multiarch folder.
external_dependencies = {
  CURL = { library = "curl" },
}
build = {
  type = "make",
  -- One set for both steps: a build whose flags differ would be made anew by install.
  variables = {
    LUA_INCDIR = "$(LUA_INCDIR)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    CURL_INCDIR = "$(CURL_INCDIR)",
    CURL_LIBDIR = "$(CURL_LIBDIR)",
    REDIS = "0", -- itrigger-redis
    DAEMON = "0", -- itriggerd, a program: make install
    CLI = "0", -- itrigger-cli
    INST_LIBDIR = "$(LIBDIR)",
    INST_LUADIR = "$(LUADIR)",
  },
  build_target = "build",
  install_target = "install",
}
