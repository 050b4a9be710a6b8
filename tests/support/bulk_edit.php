<?php
// Writes pages in one process, for tests that need hundreds of changes: ["title", "text"] a line on standard input,
// the new revision's id a line on standard output. Run by RealMediaWiki, with MediaWiki's tree as its folder.

require_once getcwd() . '/maintenance/Maintenance.php';

use MediaWiki\MediaWikiServices;

class BulkEdit extends Maintenance {
	public function execute() {
		$pages = MediaWikiServices::getInstance()->getWikiPageFactory();
		$editor = User::newSystemUser( 'Bulk editor', [ 'steal' => true ] );
		while ( ( $line = fgets( STDIN ) ) !== false ) {
			[ $title, $text ] = json_decode( $line, true );
			$page = $pages->newFromTitle( Title::newFromText( $title ) );
			$content = ContentHandler::makeContent( $text, $page->getTitle() );
			$status = $page->doUserEditContent( $content, $editor, 'bulk edit' );
			if ( !$status->isOK() ) {
				$this->fatalError( "$title: " . $status->getWikiText( false, false, 'en' ) );
			}
			DeferredUpdates::doUpdates();
			$this->output( $page->getLatest() . "\n" );
		}
	}
}

$maintClass = BulkEdit::class;
require_once RUN_MAINTENANCE_IF_MAIN;
