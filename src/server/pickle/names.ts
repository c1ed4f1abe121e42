/**
 * The names that Python 2 has for modules, classes and functions of Python 3, as protocols 0 to 2 write them.
 * FORMATS §7.1; the pairs are those of Python's own tables, and readers of Python 3 map them back.
 */

/** A module and a name in it. */
export interface QualifiedName {
  module: string
  name: string
}

/**
 * The name to write in protocol 2.
 *
 * @param module - as Python 3 has it
 * @param name - as Python 3 has it, without dots
 * @param python2 - Python 2 must be able to read it: then errors that it has not become the nearest it has
 * @returns the same name where Python 2 has no other
 */
export function python2Name(module: string, name: string, python2: boolean): QualifiedName {
  if (module === 'builtins' && EXCEPTIONS.includes(` ${name} `)) return { module: 'exceptions', name }
  if (module === 'builtins' && NEW_EXCEPTIONS.includes(` ${name} `)) {
    // Python 3 itself writes them as the older class; where only Python 3 reads, the class is kept.
    if (!python2) return { module, name }
    return { module: 'exceptions', name: name === 'ModuleNotFoundError' ? 'ImportError' : 'OSError' }
  }
  const renamed = NAMES[`${module} ${name}`]?.split(' ')
  if (renamed !== undefined) return { module: renamed[0] as string, name: renamed[1] as string }
  return { module: (Object.hasOwn(MODULES, module) ? MODULES[module] : undefined) ?? module, name }
}

const EXCEPTIONS: string =
  ' ' +
  'ArithmeticError AssertionError AttributeError BaseException BufferError BytesWarning ' +
  'DeprecationWarning EOFError EnvironmentError Exception FloatingPointError FutureWarning GeneratorExit ' +
  'IOError ImportError ImportWarning IndentationError IndexError KeyError KeyboardInterrupt LookupError ' +
  'MemoryError NameError NotImplementedError OSError OverflowError PendingDeprecationWarning ' +
  'ReferenceError RuntimeError RuntimeWarning StopIteration SyntaxError SyntaxWarning SystemError ' +
  'SystemExit TabError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError ' +
  'UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError '

const NEW_EXCEPTIONS: string =
  ' ' +
  'BrokenPipeError ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError ' +
  'ConnectionResetError FileExistsError FileNotFoundError InterruptedError IsADirectoryError ' +
  'ModuleNotFoundError NotADirectoryError PermissionError ProcessLookupError TimeoutError '

const NAMES: Readonly<Record<string, string>> = {
  'builtins range': '__builtin__ xrange',
  'functools reduce': '__builtin__ reduce',
  'sys intern': '__builtin__ intern',
  'builtins chr': '__builtin__ unichr',
  'builtins str': '__builtin__ unicode',
  'builtins int': '__builtin__ long',
  'builtins zip': 'itertools izip',
  'builtins map': 'itertools imap',
  'builtins filter': 'itertools ifilter',
  'itertools filterfalse': 'itertools ifilterfalse',
  'itertools zip_longest': 'itertools izip_longest',
  'collections UserDict': 'UserDict IterableUserDict',
  'collections UserList': 'UserList UserList',
  'collections UserString': 'UserString UserString',
  'dbm whichdb': 'whichdb whichdb',
  'socket fromfd': '_socket fromfd',
  'multiprocessing.connection Connection': '_multiprocessing Connection',
  'multiprocessing.context Process': 'multiprocessing.process Process',
  'multiprocessing.popen_fork Popen': 'multiprocessing.forking Popen',
  'urllib.error ContentTooShortError': 'urllib ContentTooShortError',
  'urllib.request getproxies': 'urllib getproxies',
  'urllib.request pathname2url': 'urllib pathname2url',
  'urllib.parse quote_plus': 'urllib quote_plus',
  'urllib.parse quote': 'urllib quote',
  'urllib.parse unquote_plus': 'urllib unquote_plus',
  'urllib.parse unquote': 'urllib unquote',
  'urllib.request url2pathname': 'urllib url2pathname',
  'urllib.request urlcleanup': 'urllib urlcleanup',
  'urllib.parse urlencode': 'urllib urlencode',
  'urllib.request urlopen': 'urllib urlopen',
  'urllib.request urlretrieve': 'urllib urlretrieve',
  'urllib.error HTTPError': 'urllib2 HTTPError',
  'urllib.error URLError': 'urllib2 URLError',
  'multiprocessing.context AuthenticationError': 'multiprocessing AuthenticationError',
  'multiprocessing.context BufferTooShort': 'multiprocessing BufferTooShort',
  'multiprocessing.context ProcessError': 'multiprocessing ProcessError',
  'multiprocessing.context TimeoutError': 'multiprocessing TimeoutError',
  '_functools reduce': '__builtin__ reduce',
  'tkinter.filedialog FileDialog': 'FileDialog FileDialog',
  'tkinter.filedialog LoadFileDialog': 'FileDialog LoadFileDialog',
  'tkinter.filedialog SaveFileDialog': 'FileDialog SaveFileDialog',
  'tkinter.simpledialog SimpleDialog': 'SimpleDialog SimpleDialog',
  'xmlrpc.server ServerHTMLDoc': 'DocXMLRPCServer ServerHTMLDoc',
  'xmlrpc.server XMLRPCDocGenerator': 'DocXMLRPCServer XMLRPCDocGenerator',
  'xmlrpc.server DocXMLRPCRequestHandler': 'DocXMLRPCServer DocXMLRPCRequestHandler',
  'xmlrpc.server DocXMLRPCServer': 'DocXMLRPCServer DocXMLRPCServer',
  'xmlrpc.server DocCGIXMLRPCRequestHandler': 'DocXMLRPCServer DocCGIXMLRPCRequestHandler',
  'http.server SimpleHTTPRequestHandler': 'SimpleHTTPServer SimpleHTTPRequestHandler',
  'http.server CGIHTTPRequestHandler': 'CGIHTTPServer CGIHTTPRequestHandler',
  '_socket socket': 'socket _socketobject',
}

const MODULES: Readonly<Record<string, string>> = {
  builtins: '__builtin__',
  copyreg: 'copy_reg',
  queue: 'Queue',
  socketserver: 'SocketServer',
  configparser: 'ConfigParser',
  reprlib: 'repr',
  'tkinter.filedialog': 'tkFileDialog',
  'tkinter.simpledialog': 'tkSimpleDialog',
  'tkinter.colorchooser': 'tkColorChooser',
  'tkinter.commondialog': 'tkCommonDialog',
  'tkinter.dialog': 'Dialog',
  'tkinter.dnd': 'Tkdnd',
  'tkinter.font': 'tkFont',
  'tkinter.messagebox': 'tkMessageBox',
  'tkinter.scrolledtext': 'ScrolledText',
  'tkinter.constants': 'Tkconstants',
  'tkinter.tix': 'Tix',
  'tkinter.ttk': 'ttk',
  tkinter: 'Tkinter',
  _markupbase: 'markupbase',
  winreg: '_winreg',
  _thread: 'thread',
  _dummy_thread: 'dummy_thread',
  'dbm.bsd': 'dbhash',
  'dbm.dumb': 'dumbdbm',
  'dbm.ndbm': 'dbm',
  'dbm.gnu': 'gdbm',
  'xmlrpc.client': 'xmlrpclib',
  'xmlrpc.server': 'SimpleXMLRPCServer',
  'http.client': 'httplib',
  'html.entities': 'htmlentitydefs',
  'html.parser': 'HTMLParser',
  'http.cookies': 'Cookie',
  'http.cookiejar': 'cookielib',
  'http.server': 'BaseHTTPServer',
  'test.support': 'test.test_support',
  subprocess: 'commands',
  'urllib.parse': 'urlparse',
  'urllib.robotparser': 'robotparser',
  'urllib.request': 'urllib2',
  dbm: 'anydbm',
  'collections.abc': '_abcoll',
  _bz2: 'bz2',
  _dbm: 'dbm',
  _functools: 'functools',
  _gdbm: 'gdbm',
  _pickle: 'pickle',
}
