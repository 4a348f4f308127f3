rockspec_format = "3.0"
package = "itrigger-redis"
version = "scm-1"
source = {
  url = "git+https://itrigger-lua.invalid/itrigger.git",
}
description = {
  summary = "Redis as the token store of itrigger",
  license = "MIT",
}
dependencies = {
  "lua >= 5.1, < 5.6",
  "itrigger",
}
external_dependencies = {
  HIREDIS = { library = "hiredis" },
}
build = {
  type = "make",
  -- One set for both steps: a build whose flags differ would be made anew by install.
  variables = {
    LUA_INCDIR = "$(LUA_INCDIR)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    HIREDIS_INCDIR = "$(HIREDIS_INCDIR)",
    HIREDIS_LIBDIR = "$(HIREDIS_LIBDIR)",
    INST_LIBDIR = "$(LIBDIR)",
    INST_LUADIR = "$(LUADIR)",
  },
  build_target = "build-redis",
  install_target = "install-redis",
}
